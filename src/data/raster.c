/* Anti-aliased strokes: the coverage of a pixel is a ramp over its distance to the nearest segment. Each
 * segment visits only the pixels within reach of the pen. Arithmetic is +, -, *, / and sqrt only, so that
 * pictures do not depend on the C library.                                                               */
#include "data/raster.h"

#include <math.h>

static float clamp(float value, float low, float high)
{
    return value < low ? low : value > high ? high : value;
}

static float distance(clgi_point p, clgi_point a, clgi_point b)
{
    const float dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
    const float t = length2 > 0 ? clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length2, 0, 1) : 0;
    const float ex = a.x + t * dx - p.x, ey = a.y + t * dy - p.y;
    return sqrtf(ex * ex + ey * ey);
}

static void draw_segment(float *ink, int width, int height, clgi_point a, clgi_point b, clgi_pen pen)
{
    const float reach = pen.radius + 0.5f * pen.edge + 0.5f;
    const int x0 = (int)clamp(fminf(a.x, b.x) - reach, 0, (float)width);
    const int x1 = (int)clamp(fmaxf(a.x, b.x) + reach + 1, 0, (float)width);
    const int y0 = (int)clamp(fminf(a.y, b.y) - reach, 0, (float)height);
    const int y1 = (int)clamp(fmaxf(a.y, b.y) + reach + 1, 0, (float)height);
    for (int y = y0; y < y1; ++y) {
        for (int x = x0; x < x1; ++x) {
            const clgi_point centre = { (float)x + 0.5f, (float)y + 0.5f };
            const float value = clamp((pen.radius - distance(centre, a, b)) / pen.edge + 0.5f, 0, 1);
            float *at = &ink[y * width + x];
            if (value > *at) *at = value;
        }
    }
}

void clgi_raster_draw(float *ink, int width, int height, const clgi_point *points, const unsigned char *lift,
                      size_t count, clgi_pen pen)
{
    for (size_t i = 0; i < count; ++i) {
        const size_t next = i + 1 < count && !lift[i] ? i + 1 : i;
        draw_segment(ink, width, height, points[i], points[next], pen);
    }
}
