/* Drawing polylines into small grey pictures. */
#ifndef CLGI_RASTER_H
#define CLGI_RASTER_H

#include <stddef.h>

typedef struct clgi_point {
    float x, y;
} clgi_point;

/* Draws the segments points[i] .. points[i + 1] (except where lift[i] says that a stroke ends at i) with a
 * round pen into `ink`, width x height floats in [0, 1], row-major; pixel (i, j) covers [i, i+1) x [j,
 * j+1). Coverage falls from 1 to 0 over `edge` pixels around the border of the pen. Keeps the larger value
 * where strokes cross. */
typedef struct clgi_pen {
    float radius, edge; /* pixels, > 0 */
} clgi_pen;
void clgi_raster_draw(float *ink, int width, int height, const clgi_point *points, const unsigned char *lift,
                      size_t count, clgi_pen pen);

#endif
