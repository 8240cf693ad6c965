/* Line charts as SVG text. Numbers are written with integer arithmetic, so the text is the same in every
 * locale. Tick steps are 1, 2 or 5 times a power of ten (Heckbert, "Nice numbers for graph labels", 1990). */
#include <clgrad/io.h>

#include "base/memory.h"
#include "base/os.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 720, HEIGHT = 420, LEFT = 72, RIGHT = 72, TOP = 46, BOTTOM = 76, TICKS = 6 };
enum { PLOT_WIDTH = WIDTH - LEFT - RIGHT, PLOT_HEIGHT = HEIGHT - TOP - BOTTOM };

/* Colours that people with impaired colour vision tell apart. Source: Okabe and Ito 2008. */
static const char *const colours[] = { "#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                       "#e69f00", "#56b4e9", "#000000" };
enum { COLOURS = sizeof colours / sizeof *colours };

/* --- Text ------------------------------------------------------------------------------------- */

/* A number of at most 15 digits with `decimals` places. */
static void add_fixed(clgi_text *text, double value, int decimals)
{
    double scale = 1;
    for (int i = 0; i < decimals; ++i) scale *= 10;
    long long all = llround(fabs(value) * scale);
    const long long unit = (long long)scale;
    clgi_text_add(text, "%s%lld", value < 0 && all ? "-" : "", all / unit);
    if (decimals) clgi_text_add(text, ".%0*lld", decimals, all % unit);
}

/* Text of the caller inside an element or attribute; bytes that XML forbids become '?'. */
static void add_escaped(clgi_text *text, const char *from)
{
    for (; from && *from; ++from) {
        switch (*from) {
        case '&':
            clgi_text_add(text, "&amp;");
            break;
        case '<':
            clgi_text_add(text, "&lt;");
            break;
        case '>':
            clgi_text_add(text, "&gt;");
            break;
        case '"':
            clgi_text_add(text, "&quot;");
            break;
        default:
            clgi_text_add(text, "%c", (unsigned char)*from < 0x20 ? '?' : *from);
        }
    }
}

static void add_label(clgi_text *text, double x, double y, const char *attributes, const char *content)
{
    clgi_text_add(text, "<text x=\"");
    add_fixed(text, x, 1);
    clgi_text_add(text, "\" y=\"");
    add_fixed(text, y, 1);
    clgi_text_add(text, "\" %s>", attributes);
    add_escaped(text, content);
    clgi_text_add(text, "</text>\n");
}

static void add_line(clgi_text *text, double x0, double y0, double x1, double y1, const char *attributes)
{
    const double at[] = { x0, y0, x1, y1 };
    const char *const names[] = { "<line x1", " y1", " x2", " y2" };
    for (int i = 0; i < 4; ++i) {
        clgi_text_add(text, "%s=\"", names[i]);
        add_fixed(text, at[i], 1);
        clgi_text_add(text, "\"");
    }
    clgi_text_add(text, " %s/>\n", attributes);
}

/* --- Axes ------------------------------------------------------------------------------------- */

/* Covers [low, high], both multiples of mantissa * 10^exponent. */
typedef struct axis {
    double low, high, step;
    int mantissa, exponent;
    int used; /* has a value */
} axis;
#define AXIS_INIT                                                                                            \
    {                                                                                                        \
        0, 0, 1, 1, 0, 0                                                                                     \
    }

static void extend(axis *a, double value)
{
    if (!a->used || value < a->low) a->low = value;
    if (!a->used || value > a->high) a->high = value;
    a->used = 1;
}

/* The least step of 1, 2, 5 times a power of ten that needs at most TICKS steps. */
static void choose_step(axis *a)
{
    static const int mantissas[] = { 1, 2, 5 };
    const double wanted = (a->high - a->low) / TICKS;
    const int exponent = (int)floor(log10(wanted));
    for (int i = 0; i < 4; ++i) {
        a->mantissa = i < 3 ? mantissas[i] : 1;
        a->exponent = i < 3 ? exponent : exponent + 1;
        a->step = a->mantissa * pow(10, a->exponent);
        if (a->step >= wanted * (1 - 1e-9)) return;
    }
}

/* Rounds the range outwards. A range of one value gets a little room, an empty one is 0 .. 1. */
static void round_axis(axis *a)
{
    if (!a->used) a->high = 1;
    const double least = fmax(fabs(a->low), fabs(a->high)) * 1e-6;
    if (a->high - a->low <= least) {
        const double room = least > 0 ? 1e5 * least : 1;
        a->low -= room;
        a->high += room;
    }
    choose_step(a);
    a->low = floor(a->low / a->step + 1e-9) * a->step;
    a->high = ceil(a->high / a->step - 1e-9) * a->step;
}

/* `value`, a multiple of the step: plain where short, else 12e-7. */
static void print_tick(clgi_text *text, const axis *a, double value)
{
    if (a->exponent >= -4 && a->exponent <= 5) {
        add_fixed(text, value, a->exponent < 0 ? -a->exponent : 0);
        return;
    }
    add_fixed(text, value / pow(10, a->exponent), 0);
    if (fabs(value) > a->step / 2) clgi_text_add(text, "e%d", a->exponent);
}

static double place(const axis *a, double value)
{
    return (value - a->low) / (a->high - a->low);
}

static void add_tick(clgi_text *text, const axis *a, int side, int number)
{
    static const char *const anchors[] = { "text-anchor=\"middle\"", "text-anchor=\"end\"",
                                           "text-anchor=\"start\"" };
    clgi_text label = { 0 };
    const double value = a->low + number * a->step, share = place(a, value);
    const double x = LEFT + share * PLOT_WIDTH, y = TOP + (1 - share) * PLOT_HEIGHT;
    print_tick(&label, a, value);
    const char *content = label.failed ? "" : label.data;
    if (side == 0) {
        add_line(text, x, TOP + PLOT_HEIGHT, x, TOP + PLOT_HEIGHT + 5, "stroke=\"#444\"");
        add_label(text, x, TOP + PLOT_HEIGHT + 20, anchors[0], content);
    } else if (side == 1) {
        add_line(text, LEFT, y, LEFT + PLOT_WIDTH, y, "stroke=\"#ddd\"");
        add_label(text, LEFT - 8, y + 4, anchors[1], content);
    } else {
        add_line(text, LEFT + PLOT_WIDTH, y, LEFT + PLOT_WIDTH + 5, y, "stroke=\"#444\"");
        add_label(text, LEFT + PLOT_WIDTH + 8, y + 4, anchors[2], content);
    }
    clgi_text_finish(&label);
}

/* side: 0 below, 1 left, 2 right. */
static void add_axis(clgi_text *text, const axis *a, int side)
{
    const int ticks = (int)lround((a->high - a->low) / a->step);
    for (int i = 0; i <= ticks; ++i) add_tick(text, a, side, i);
}

/* --- Lines ------------------------------------------------------------------------------------ */

/* False for NaN and infinity, and where differences could overflow. */
static int is_point(const clg_series *series, size_t i)
{
    return fabs(series->x[i]) < 1e300 && fabs(series->y[i]) < 1e300;
}

static void add_series(clgi_text *text, const clg_series *series, const axis *across, const axis *up,
                       size_t number)
{
    int pen_down = 0;
    clgi_text_add(text,
                  "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-linejoin=\"round\" "
                  "stroke-linecap=\"round\"%s d=\"",
                  colours[number % COLOURS], series->right_axis ? " stroke-dasharray=\"6 3\"" : "");
    for (size_t i = 0; i < series->count; ++i) {
        if (!is_point(series, i)) {
            pen_down = 0;
            continue;
        }
        clgi_text_add(text, pen_down ? "L" : "M");
        add_fixed(text, LEFT + place(across, series->x[i]) * PLOT_WIDTH, 1);
        clgi_text_add(text, " ");
        add_fixed(text, TOP + (1 - place(up, series->y[i])) * PLOT_HEIGHT, 1);
        if (!pen_down) clgi_text_add(text, "h0"); /* a lone point is a dot */
        pen_down = 1;
    }
    clgi_text_add(text, "\"/>\n");
}

/* One row below the axis, as wide as the texts need at about 7 pixels a letter. */
static void add_legend(clgi_text *text, const clg_series *series, size_t count)
{
    double x = LEFT;
    for (size_t i = 0; i < count; ++i) {
        clgi_text line = { 0 };
        clgi_text_add(&line, "stroke=\"%s\" stroke-width=\"3\"%s", colours[i % COLOURS],
                      series[i].right_axis ? " stroke-dasharray=\"6 3\"" : "");
        add_line(text, x, HEIGHT - 16, x + 24, HEIGHT - 16, line.failed ? "" : line.data);
        add_label(text, x + 30, HEIGHT - 12, "text-anchor=\"start\"", series[i].name);
        x += 50 + 7 * (double)strlen(series[i].name ? series[i].name : "");
        clgi_text_finish(&line);
    }
}

static void add_titles(clgi_text *text, const char *title, const char *x_label, const char *left,
                       const char *right)
{
    const double middle = TOP + PLOT_HEIGHT / 2.0;
    add_label(text, WIDTH / 2.0, 26, "text-anchor=\"middle\" font-size=\"16\" font-weight=\"bold\"", title);
    add_label(text, LEFT + PLOT_WIDTH / 2.0, HEIGHT - 38, "text-anchor=\"middle\"", x_label);
    clgi_text_add(text, "<g transform=\"rotate(-90)\">\n");
    add_label(text, -middle, 18, "text-anchor=\"middle\"", left);
    if (right) add_label(text, -middle, WIDTH - 8, "text-anchor=\"middle\"", right);
    clgi_text_add(text, "</g>\n");
}

clg_status clg_svg_write(const char *path, const char *title, const char *x_label, const char *left_label,
                         const char *right_label, const clg_series *series, size_t count, clg_error *error)
{
    axis across = AXIS_INIT, up[2] = { AXIS_INIT, AXIS_INIT };
    clgi_text text = { 0 };
    if (!path || (!series && count)) return clgi_fail(error, CLG_EINVAL, "svg_write: an argument is NULL");
    for (size_t s = 0; s < count; ++s) {
        for (size_t i = 0; i < series[s].count; ++i) {
            if (!is_point(&series[s], i)) continue;
            extend(&across, series[s].x[i]);
            extend(&up[series[s].right_axis != 0], series[s].y[i]);
        }
    }
    const int right = up[1].used;
    round_axis(&across);
    round_axis(&up[0]);
    round_axis(&up[1]);
    clgi_text_add(
        &text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
        "font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n"
        "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
        WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
    add_axis(&text, &up[0], 1);
    if (right) add_axis(&text, &up[1], 2);
    add_axis(&text, &across, 0);
    clgi_text_add(&text,
                  "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#444\"/>\n",
                  LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT);
    for (size_t s = 0; s < count; ++s)
        add_series(&text, &series[s], &across, &up[series[s].right_axis != 0], s);
    add_titles(&text, title, x_label, left_label, right ? right_label : NULL);
    add_legend(&text, series, count);
    clgi_text_add(&text, "</svg>\n");
    const void *parts[] = { text.data };
    const size_t sizes[] = { text.length };
    const clg_status status = text.failed ? clgi_fail_memory(error, text.capacity)
                                          : clgi_file_write(path, NULL, parts, sizes, 1, error);
    clgi_text_finish(&text);
    return status;
}
