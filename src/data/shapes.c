/* Generated colour pictures: one form before a background. A form is given by the distance of a point from
 * its border, which also makes the edges smooth. Picture i is a function of (seed, i) alone: Philox, and
 * no arithmetic but +, -, *, / and sqrt. */
#include "base/memory.h"
#include "data/dataset.h"
#include "data/draws.h"

#include <math.h>

enum { SIZE = 32, CHANNELS = 3, PIXELS = SIZE * SIZE, CLASSES = 10, DOMAIN = 0x73686170 };

/* --- Forms: distance from the border in units of the form's radius, negative inside ------------- */

static float disc(float x, float y)
{
    return sqrtf(x * x + y * y) - 1.0f;
}

static float ring(float x, float y)
{
    return fabsf(sqrtf(x * x + y * y) - 0.8f) - 0.22f;
}

static float square(float x, float y)
{
    return fmaxf(fabsf(x), fabsf(y)) - 0.8f;
}

static float triangle(float x, float y)
{
    return fmaxf(0.8660254f * fabsf(x) + 0.5f * y, -y) - 0.55f;
}

static float cross(float x, float y)
{
    const float a = fabsf(x), b = fabsf(y);
    return fminf(fmaxf(a - 0.95f, b - 0.3f), fmaxf(a - 0.3f, b - 0.95f));
}

static float (*const forms[])(float, float) = { disc, ring, square, triangle, cross };
enum { FORMS = sizeof forms / sizeof *forms };

/* --- Pictures --------------------------------------------------------------------------------- */

typedef struct colour {
    float part[CHANNELS];
} colour;

/* Warm: red above green above blue; cold: the other way round. Anything else would leave the class in
 * doubt. */
static colour draw_colour(clgi_draws *d, int cold)
{
    const float high = clgi_draw_range(d, 0.65f, 1.0f), low = clgi_draw_range(d, 0.0f, 0.35f);
    const float middle = low + (high - low) * clgi_draw_range(d, 0.0f, 0.7f);
    return cold ? (colour){ { low, middle, high } } : (colour){ { high, middle, low } };
}

/* Grey from dark to bright along a direction, with a tint too weak to be taken for a form. */
typedef struct background {
    float level[CHANNELS], across, down;
} background;

static background draw_background(clgi_draws *d)
{
    background b;
    const float level = clgi_draw_range(d, 0.15f, 0.85f);
    for (int c = 0; c < CHANNELS; ++c) b.level[c] = level + clgi_draw_range(d, -0.1f, 0.1f);
    b.across = clgi_draw_range(d, -0.3f, 0.3f);
    b.down = clgi_draw_range(d, -0.3f, 0.3f);
    return b;
}

static void draw_picture(int class_index, uint64_t seed, uint64_t index, uint8_t *pixels)
{
    clgi_draws d = clgi_draws_begin(seed, index, DOMAIN);
    const colour ink = draw_colour(&d, class_index >= FORMS);
    const background ground = draw_background(&d);
    const float radius = clgi_draw_range(&d, 6, 13), grain = clgi_draw_range(&d, 0.02f, 0.15f);
    const float cx = clgi_draw_range(&d, radius, SIZE - radius),
                cy = clgi_draw_range(&d, radius, SIZE - radius);
    /* Turned by at most 45 degrees either way, so that nothing is lost or gained by symmetry. */
    const float tangent = clgi_draw_range(&d, -1, 1), cosine = 1 / sqrtf(1 + tangent * tangent);
    const float sine = tangent * cosine;
    for (int i = 0; i < PIXELS; ++i) {
        const float px = (float)(i % SIZE) + 0.5f, py = (float)(i / SIZE) + 0.5f;
        const float x = (px - cx) / radius, y = (py - cy) / radius;
        const float distance =
            radius * forms[class_index % FORMS](cosine * x - sine * y, sine * x + cosine * y);
        const float cover = fminf(fmaxf(0.5f - distance, 0), 1);
        const float slope = ground.across * (px / SIZE - 0.5f) + ground.down * (py / SIZE - 0.5f);
        for (int c = 0; c < CHANNELS; ++c) {
            const float back = ground.level[c] + slope, noise = clgi_draw_range(&d, -grain, grain);
            const float value = cover * ink.part[c] + (1 - cover) * back + noise;
            pixels[i * CHANNELS + c] = (uint8_t)(255 * fminf(fmaxf(value, 0), 1) + 0.5f);
        }
    }
}

clg_status clg_dataset_shapes(uint64_t seed, int64_t count, clg_dataset **ret_dataset, clg_error *error)
{
    enum { BYTES = PIXELS * CHANNELS };
    if (!ret_dataset || count < 1 || count > INT32_MAX)
        return clgi_fail(error, CLG_EINVAL, "dataset_shapes: count must be 1 .. %d: %lld", INT32_MAX,
                         (long long)count);
    clg_status status = CLG_OK;
    uint8_t *labels = NULL, *pixels = clgi_alloc((size_t)count * BYTES);
    if (!pixels) CLGI_TRY(clgi_fail_memory(error, (size_t)count * BYTES));
    labels = clgi_alloc((size_t)count);
    if (!labels) CLGI_TRY(clgi_fail_memory(error, (size_t)count));
    for (int64_t i = 0; i < count; ++i) {
        labels[i] = (uint8_t)(i % CLASSES);
        draw_picture(labels[i], seed, (uint64_t)i, pixels + i * BYTES);
    }
    const clg_shape shape = { 4, { count, SIZE, SIZE, CHANNELS } };
    CLGI_TRY(clgi_dataset_adopt("dataset_shapes", shape, &pixels, &labels, CLASSES, ret_dataset, error));
out:
    clgi_free(pixels);
    clgi_free(labels);
    return status;
}
