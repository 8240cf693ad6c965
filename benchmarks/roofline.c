/* The roofline (Williams et al. 2009) of one or more documents, as SVG: operations per byte against operations per second,
 * both logarithmic. A machine's roof is its measured copy and multiply-add rate. */
#include "page.h"

#include <string.h>

enum { WIDTH = 900, HEIGHT = 420, LEFT = 60, BOTTOM = 40, TOP = 12, RIGHT = 28 };
static const double from_x = -2, to_x = 4; /* powers of ten: FLOP per byte; of y: see span */

typedef struct span {
    double low, high;
} span;

static double place_x(double intensity)
{
    const double t = (log10(intensity) - from_x) / (to_x - from_x);
    return LEFT + fmin(fmax(t, 0), 1) * (WIDTH - LEFT - RIGHT);
}

static double place_y(span y, double gflops)
{
    const double t = (log10(gflops) - y.low) / (y.high - y.low);
    return HEIGHT - BOTTOM - fmin(fmax(t, 0), 1) * (HEIGHT - BOTTOM - TOP);
}

static double intensity_of(const json_t *row)
{
    return bench_value(row, "flops") / bench_value(row, "bytes");
}

/* Rows of operations with operations to count. */
static int is_point(const json_t *row)
{
    return bench_value(row, "gflops") > 0 && intensity_of(row) > 0 &&
           strcmp(bench_text(row, "suite"), "train") != 0;
}

static span find_span(const json_t *const *documents, size_t n)
{
    span y = { 0, 1 };
    size_t index;
    json_t *row;
    for (size_t d = 0; d < n; ++d) {
        const double peak = bench_value(json_object_get(documents[d], "peaks"), "gflops");
        if (peak > 0) y.high = fmax(y.high, ceil(log10(peak)));
        json_array_foreach(json_object_get(documents[d], "rows"), index, row)
        {
            if (!is_point(row)) continue;
            y.low = fmin(y.low, floor(log10(bench_value(row, "gflops"))));
            y.high = fmax(y.high, ceil(log10(bench_value(row, "gflops"))));
        }
    }
    return y;
}

static void axes(FILE *file, span y)
{
    for (int e = (int)from_x; e <= (int)to_x; ++e)
        fprintf(file,
                "<line stroke=\"#dde3ea\" x1=%.1f x2=%.1f y1=%d y2=%d /><text font-size=12 fill=\"#1c2733\" "
                "x=%.1f y=%d text-anchor=middle>%g</text>\n",
                place_x(pow(10, e)), place_x(pow(10, e)), TOP, HEIGHT - BOTTOM, place_x(pow(10, e)),
                HEIGHT - BOTTOM + 16, pow(10, e));
    for (int e = (int)y.low; e <= (int)y.high; ++e)
        fprintf(file,
                "<line stroke=\"#dde3ea\" x1=%d x2=%d y1=%.1f y2=%.1f /><text font-size=12 fill=\"#1c2733\" "
                "x=%d y=%.1f text-anchor=end>%g</text>\n",
                LEFT, WIDTH - RIGHT, place_y(y, pow(10, e)), place_y(y, pow(10, e)), LEFT - 6,
                place_y(y, pow(10, e)) + 4, pow(10, e));
    fprintf(file,
            "<text font-size=12 fill=\"#1c2733\" x=%d y=%d text-anchor=middle>operations per byte; upwards "
            "GFLOP/s</text>\n",
            WIDTH / 2, HEIGHT - 6);
}

static void roof(FILE *file, span y, const json_t *document, size_t machine)
{
    const json_t *peaks = json_object_get(document, "peaks");
    const double rate = bench_value(peaks, "gflops"), copy = bench_value(peaks, "copy_400");
    if (!(rate > 0) || !(copy > 0)) return;
    const double ridge = rate / copy, first = pow(10, fmax(from_x, y.low - log10(copy)));
    fprintf(file,
            "<polyline fill=none stroke-width=2 stroke=\"%s\" points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f\" />\n",
            bench_colour(machine), place_x(first), place_y(y, first * copy), place_x(ridge), place_y(y, rate),
            place_x(pow(10, to_x)), place_y(y, rate));
}

void bench_roofline(FILE *file, const json_t *const *documents, size_t n)
{
    const span y = find_span(documents, n);
    size_t index;
    json_t *row;
    fprintf(file, "<svg viewBox=\"0 0 %d %d\" role=img aria-label=\"Roofline\">\n", WIDTH, HEIGHT);
    axes(file, y);
    for (size_t d = 0; d < n; ++d) {
        roof(file, y, documents[d], d);
        json_array_foreach(json_object_get(documents[d], "rows"), index, row)
        {
            if (!is_point(row)) continue;
            fprintf(file, "<circle fill=\"%s\" cx=%.1f cy=%.1f r=3.5 fill-opacity=0.6><title>",
                    bench_colour(d), place_x(intensity_of(row)), place_y(y, bench_value(row, "gflops")));
            bench_escape(file, bench_text(row, "case"));
            fprintf(file, ": %.1f GFLOP/s</title></circle>\n", bench_value(row, "gflops"));
        }
    }
    fputs("</svg>\n", file);
}
