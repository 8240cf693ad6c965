/* Generated digits: a pen form (glyphs.def) with shaken points, made a smooth curve, bent, slanted, turned,
 * fitted into a 20 x 20 box and centred by mass in 28 x 28 as MNIST's are, then drawn with a pen of random
 * width. Picture i is a function of (seed, i) alone: all numbers come from Philox with i in the counter, and
 * the arithmetic is +, -, *, / and sqrt only.                                                             */
#include "base/memory.h"
#include "data/dataset.h"
#include "data/draws.h"
#include "data/raster.h"

#include <math.h>

enum {
    SIZE = 28,       /* picture, pixels */
    MAX_POINTS = 20, /* of one form */
    PIECES = 6,      /* segments per curve piece */
    MAX_CURVE = MAX_POINTS * (PIECES + 1),
    GRID = 4, /* bending: displacements at GRID x GRID places, smoothly between */
    CLASSES = 10,
    DOMAIN = 0x64696769 /* keeps these draws apart from others with the same seed */
};

enum { END, SMOOTH, CORNER, LIFT };
typedef struct glyph {
    int digit, weight;
    struct {
        signed char x, y, kind;
    } point[MAX_POINTS];
} glyph;

#define P(x, y)                      { x, y, SMOOTH },
#define C(x, y)                      { x, y, CORNER },
#define UP                           { 0, 0, LIFT },
#define GLYPH(digit, weight, points) { digit, weight, { points } },
static const glyph glyphs[] = {
#include "data/glyphs.def"
};
#undef P
#undef C
#undef UP
#undef GLYPH
enum { GLYPHS = sizeof glyphs / sizeof *glyphs };

/* How much of each kind of variety; lengths in glyph units (100 = the height of a digit) unless said. */
static const float SHAKE = 4.0f;    /* standard deviation of a control point */
static const float BEND = 3.5f;     /* standard deviation of the grid of displacements */
static const float SQUEEZE = 0.12f; /* standard deviation: upper half against lower, left against right */
static const float TURN = 0.12f;    /* standard deviation of the tangent of the angle */
static const float SLANT_MEAN = -0.16f, SLANT = 0.28f;    /* x += slant * y: hands lean to the right */
static const float NARROW_MIN = 0.6f, NARROW_MAX = 1.35f; /* width against height */
static const float FIT_MIN = 19.4f, FIT_MAX = 20.8f;      /* longer side with the pen, pixels */
static const float PEN_MIN = 0.7f, PEN_MAX = 1.9f;        /* radius, pixels */
static const float EDGE_MIN = 0.7f, EDGE_MAX = 1.4f;      /* pixels */
static const float GRAIN = 0.06f;                         /* noise of the ink, share of full */

/* Nearly normal, mean 0, deviation 1, never beyond 3.47: four uniforms. Outliers would make unreadable
 * digits. */
static float draw_bell(clgi_draws *d)
{
    float sum = 0;
    for (int i = 0; i < 4; ++i) sum += clgi_philox_uniform(clgi_draw_bits(d));
    return (sum - 2.0f) * 1.7320508f;
}

typedef struct curve {
    clgi_point point[MAX_CURVE];
    unsigned char lift[MAX_CURVE]; /* 1: a stroke ends here */
    size_t count;
} curve;

static const glyph *choose(int digit, clgi_draws *d)
{
    uint32_t total = 0;
    for (int i = 0; i < GLYPHS; ++i) total += glyphs[i].digit == digit ? (uint32_t)glyphs[i].weight : 0;
    uint32_t ticket = clgi_draw_below(d, total);
    for (int i = 0; i < GLYPHS; ++i) {
        if (glyphs[i].digit != digit) continue;
        if (ticket < (uint32_t)glyphs[i].weight) return &glyphs[i];
        ticket -= (uint32_t)glyphs[i].weight;
    }
    return &glyphs[0]; /* not reached: the tickets are below the total */
}

/* Tangent at b with neighbours a and c; at a corner or an end the neighbour is b itself. */
static clgi_point tangent(clgi_point a, clgi_point c, int smooth)
{
    const float share = smooth ? 0.5f : 1.0f;
    return (clgi_point){ share * (c.x - a.x), share * (c.y - a.y) };
}

/* Points of the cubic from p to q with tangents u and v, without q. Source: Catmull and Rom 1974. */
static void add_piece(curve *out, clgi_point p, clgi_point q, clgi_point u, clgi_point v)
{
    for (int i = 0; i < PIECES; ++i) {
        const float t = (float)i / PIECES, t2 = t * t, t3 = t2 * t;
        const float a = 2 * t3 - 3 * t2 + 1, b = t3 - 2 * t2 + t, c = 3 * t2 - 2 * t3, e = t3 - t2;
        out->lift[out->count] = 0;
        out->point[out->count++] =
            (clgi_point){ a * p.x + b * u.x + c * q.x + e * v.x, a * p.y + b * u.y + c * q.y + e * v.y };
    }
}

/* The form with shaken points as a polyline. */
static void trace(const glyph *form, clgi_draws *d, curve *out)
{
    clgi_point p[MAX_POINTS + 1];
    int n = 0;
    for (; n < MAX_POINTS && form->point[n].kind != END; ++n) {
        p[n].x = form->point[n].x + SHAKE * draw_bell(d);
        p[n].y = form->point[n].y + SHAKE * draw_bell(d);
    }
    out->count = 0;
    for (int i = 0; i < n; ++i) {
        if (form->point[i].kind == LIFT) continue;
        if (i + 1 == n || form->point[i + 1].kind == LIFT) {
            out->lift[out->count] = 1;
            out->point[out->count++] = p[i];
            continue;
        }
        const int from = form->point[i].kind == SMOOTH && i > 0 && form->point[i - 1].kind != LIFT;
        const int to = form->point[i + 1].kind == SMOOTH && i + 2 < n && form->point[i + 2].kind != LIFT;
        add_piece(out, p[i], p[i + 1], tangent(from ? p[i - 1] : p[i], p[i + 1], from),
                  tangent(p[i], to ? p[i + 2] : p[i + 1], to));
    }
}

static float smooth(float t)
{
    return t * t * (3 - 2 * t);
}

/* Moves every point by a field that is random at the places of a grid and smooth between them. */
static void bend(curve *c, clgi_draws *d)
{
    float field[2][GRID][GRID];
    for (int i = 0; i < 2 * GRID * GRID; ++i) ((float *)field)[i] = BEND * draw_bell(d);
    for (size_t i = 0; i < c->count; ++i) {
        const float limit = GRID - 1.001f;
        const float gx = fminf(fmaxf(c->point[i].x * 0.01f * (GRID - 1), 0), limit);
        const float gy = fminf(fmaxf(c->point[i].y * 0.01f * (GRID - 1), 0), limit);
        const int x = (int)gx, y = (int)gy;
        const float u = smooth(gx - (float)x), v = smooth(gy - (float)y);
        float move[2];
        for (int k = 0; k < 2; ++k) {
            const float top = field[k][y][x] * (1 - u) + field[k][y][x + 1] * u;
            const float low = field[k][y + 1][x] * (1 - u) + field[k][y + 1][x + 1] * u;
            move[k] = top * (1 - v) + low * v;
        }
        c->point[i].x += move[0];
        c->point[i].y += move[1];
    }
}

/* Makes one half of the digit larger than the other: t(1 - t) is largest in the middle and 0 at the ends. */
static void squeeze(curve *c, clgi_draws *d)
{
    const float across = SQUEEZE * draw_bell(d), down = SQUEEZE * draw_bell(d);
    for (size_t i = 0; i < c->count; ++i) {
        clgi_point *p = &c->point[i];
        p->x += 2 * across * p->x * (1 - p->x * 0.01f);
        p->y += 2 * down * p->y * (1 - p->y * 0.01f);
    }
}

static void slant_and_turn(curve *c, clgi_draws *d)
{
    const float narrow = clgi_draw_range(d, NARROW_MIN, NARROW_MAX);
    const float slant = SLANT_MEAN + SLANT * draw_bell(d), turn = TURN * draw_bell(d);
    const float cosine = 1 / sqrtf(1 + turn * turn), sine = turn * cosine;
    for (size_t i = 0; i < c->count; ++i) {
        const float y = c->point[i].y - 50, x = narrow * (c->point[i].x - 50) + slant * y;
        c->point[i] = (clgi_point){ cosine * x - sine * y, sine * x + cosine * y };
    }
}

/* Scales so that the longer side with the pen is `side` pixels, and puts the centre of mass in the middle. */
static void fit(curve *c, float side, float radius)
{
    clgi_point low = c->point[0], high = c->point[0];
    float mass = 0, mx = 0, my = 0;
    for (size_t i = 0; i < c->count; ++i) {
        const clgi_point p = c->point[i], q = c->point[c->lift[i] ? i : i + 1];
        const float dx = q.x - p.x, dy = q.y - p.y, length = sqrtf(dx * dx + dy * dy);
        mass += length;
        mx += length * 0.5f * (p.x + q.x);
        my += length * 0.5f * (p.y + q.y);
        low = (clgi_point){ fminf(low.x, p.x), fminf(low.y, p.y) };
        high = (clgi_point){ fmaxf(high.x, p.x), fmaxf(high.y, p.y) };
    }
    const float scale = (side - 2 * radius) / fmaxf(high.x - low.x, high.y - low.y);
    for (size_t i = 0; i < c->count; ++i) {
        c->point[i].x = (c->point[i].x - mx / mass) * scale + 0.5f * SIZE;
        c->point[i].y = (c->point[i].y - my / mass) * scale + 0.5f * SIZE;
    }
}

static void draw_digit(int digit, uint64_t seed, uint64_t index, uint8_t *pixels)
{
    clgi_draws d = clgi_draws_begin(seed, index, DOMAIN);
    curve c;
    float ink[SIZE * SIZE] = { 0 };
    trace(choose(digit, &d), &d, &c);
    squeeze(&c, &d);
    bend(&c, &d);
    slant_and_turn(&c, &d);
    clgi_pen pen = { clgi_draw_range(&d, PEN_MIN, PEN_MAX), clgi_draw_range(&d, EDGE_MIN, EDGE_MAX) };
    fit(&c, clgi_draw_range(&d, FIT_MIN, FIT_MAX), pen.radius);
    clgi_raster_draw(ink, SIZE, SIZE, c.point, c.lift, c.count, pen);
    for (int i = 0; i < SIZE * SIZE; ++i) {
        const float value = ink[i] > 0 ? ink[i] * (1 - GRAIN * clgi_philox_uniform(clgi_draw_bits(&d))) : 0;
        pixels[i] = (uint8_t)(255 * value + 0.5f);
    }
}

clg_status clg_dataset_digits(uint64_t seed, int64_t count, clg_dataset **ret_dataset, clg_error *error)
{
    if (!ret_dataset || count < 1 || count > INT32_MAX) {
        return clgi_fail(error, CLG_EINVAL, "dataset_digits: count must be 1 .. %d: %lld", INT32_MAX,
                         (long long)count);
    }
    clg_status status = CLG_OK;
    uint8_t *labels = NULL, *pixels = clgi_alloc((size_t)count * SIZE * SIZE);
    if (!pixels) CLGI_TRY(clgi_fail_memory(error, (size_t)count * SIZE * SIZE));
    labels = clgi_alloc((size_t)count);
    if (!labels) CLGI_TRY(clgi_fail_memory(error, (size_t)count));
    for (int64_t i = 0; i < count; ++i) {
        labels[i] = (uint8_t)(i % CLASSES);
        draw_digit(labels[i], seed, (uint64_t)i, pixels + i * SIZE * SIZE);
    }
    const clg_shape shape = { 4, { count, SIZE, SIZE, 1 } };
    CLGI_TRY(clgi_dataset_adopt("dataset_digits", shape, &pixels, &labels, CLASSES, ret_dataset, error));
out:
    clgi_free(pixels);
    clgi_free(labels);
    return status;
}
