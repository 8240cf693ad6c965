/* A growing text. A failed allocation is remembered, so that callers check once, at the end. */
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Room for `count` more bytes and a NUL; 0 on failure. */
static int reserve(clgi_text *text, size_t count)
{
    if (text->failed) return 0;
    if (count < text->capacity && text->length < text->capacity - count) return 1;
    size_t wanted = text->capacity ? text->capacity : 128;
    while (wanted - text->length <= count) {
        if (wanted > PTRDIFF_MAX / 2) {
            text->failed = 1;
            return 0;
        }
        wanted *= 2;
    }
    char *grown = clgi_realloc(text->data, wanted);
    if (!grown) {
        text->failed = 1;
        return 0;
    }
    text->data = grown;
    text->capacity = wanted;
    return 1;
}

void clgi_text_bytes(clgi_text *text, const void *bytes, size_t count)
{
    if (!reserve(text, count)) return;
    if (count) memcpy(text->data + text->length, bytes, count);
    text->length += count;
    text->data[text->length] = 0;
}

static void add_whole(clgi_text *text, int value)
{
    char digits[16];
    size_t at = sizeof digits;
    unsigned rest = value < 0 ? 0u - (unsigned)value : (unsigned)value;
    do digits[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0) digits[--at] = '-';
    clgi_text_bytes(text, digits + at, sizeof digits - at);
}

/* Generated code is words and small numbers, which printf is slow at: adds what comes before the first other conversion
 * and returns the format from there on.                                                          */
static const char *add_plain(clgi_text *text, const char *format, va_list *arguments)
{
    for (;;) {
        const size_t literal = strcspn(format, "%");
        clgi_text_bytes(text, format, literal);
        format += literal;
        if (format[0] && format[1] == 's') {
            const char *word = va_arg(*arguments, const char *);
            clgi_text_bytes(text, word, strlen(word));
        } else if (format[0] && format[1] == 'd') {
            add_whole(text, va_arg(*arguments, int));
        } else {
            return format;
        }
        format += 2;
    }
}

void clgi_text_add(clgi_text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    format = add_plain(text, format, &arguments);
    va_copy(again, arguments);
    const size_t room = text->failed ? 0 : text->capacity - text->length; /* with the NUL; most texts fit */
    int length = vsnprintf(room ? text->data + text->length : NULL, room, format, arguments);
    va_end(arguments);
    if (length < 0)
        text->failed = 1;
    else if ((size_t)length < room)
        text->length += (size_t)length;
    else if (reserve(text, (size_t)length)) {
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void clgi_text_clear(clgi_text *text)
{
    text->length = 0;
    text->failed = 0;
    if (text->data) text->data[0] = 0;
}

void clgi_text_finish(clgi_text *text)
{
    clgi_free(text->data);
    memset(text, 0, sizeof *text);
}
