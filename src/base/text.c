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

void clgi_text_add(clgi_text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
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

void clgi_text_bytes(clgi_text *text, const void *bytes, size_t count)
{
    if (!reserve(text, count)) return;
    if (count) memcpy(text->data + text->length, bytes, count);
    text->length += count;
    text->data[text->length] = 0;
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
