/* Matrix engine of x86 processors with AMX: tiles of 16 rows of 64 bytes (interface: engine_fma.cl). Tiles 0 to 3 are
 * the sums, 4 and 5 rows of a, 6 and 7 columns of b. Instructions are written as bytes: compilers of OpenCL have no names
 * for them. The process must have the operating system's leave to use tiles.
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, TDPBF16PS.       */
#define ENGINE_ITEMS 1
#define ENGINE_ROWS 16
#define ENGINE_COLS 16
#ifndef ENGINE_PAIRS
#define ENGINE_PAIRS 16 /* any: 1 .. 16 */
#endif
#define ENGINE_MEMORY __private
#define ENGINE_ATTRIBUTES __attribute__((reqd_work_group_size(1, 1, 1)))

#define TILE_LOAD(tile, from, pitch)                                                                         \
    __asm__ volatile(".byte 0xc4,0xe2,0x7b,0x4b," tile ",0x08" ::"a"(from), "c"((pitch) * 4L) : "memory");
#define TILE_STORE(tile, to)                                                                                 \
    __asm__ volatile(".byte 0xc4,0xe2,0x7a,0x4b," tile ",0x08" ::"a"(to), "c"(128L) : "memory");
#define TILE_ZERO(tile) __asm__ volatile(".byte 0xc4,0xe2,0x7b,0x49," tile);
#define TILE_MULTIPLY(registers) __asm__ volatile(".byte 0xc4,0xe2," registers);

/* Palette 1; of eight tiles two numbers each, bytes a row, from the fifth word on, and one each, rows, from the 13th. */
#define ENGINE_OPEN                                                                                          \
    uint16 engine_tiles = (uint16)(1, 0, 0, 0, 0x00400040, 0x00400040, ENGINE_PAIRS * 0x00040004,            \
                                   0x00400040, 0, 0, 0, 0, 0x10101010, ENGINE_PAIRS * 0x01010000 + 0x1010,   \
                                   0, 0);                                                                    \
    __asm__ volatile(".byte 0xc4,0xe2,0x78,0x49,0x00" ::"a"(&engine_tiles) : "memory");
#define ENGINE_BEGIN TILE_ZERO("0xc0") TILE_ZERO("0xc8") TILE_ZERO("0xd0") TILE_ZERO("0xd8")
#define ENGINE_STEP(a0, a1, pitch, b0, b1)                                                                   \
    TILE_LOAD("0x24", a0, pitch)                                                                             \
    TILE_LOAD("0x34", b0, ENGINE_COLS)                                                                       \
    TILE_LOAD("0x3c", b1, ENGINE_COLS)                                                                       \
    TILE_LOAD("0x2c", a1, pitch)                                                                             \
    TILE_MULTIPLY("0x4a,0x5c,0xc4")                                                                          \
    TILE_MULTIPLY("0x42,0x5c,0xcc")                                                                          \
    TILE_MULTIPLY("0x4a,0x5c,0xd5")                                                                          \
    TILE_MULTIPLY("0x42,0x5c,0xdd")
#define ENGINE_STORE(to)                                                                                     \
    TILE_STORE("0x04", to)                                                                                   \
    TILE_STORE("0x0c", to + 16)                                                                              \
    TILE_STORE("0x14", to + 16 * 32)                                                                         \
    TILE_STORE("0x1c", to + 16 * 32 + 16)
#define ENGINE_CLOSE __asm__ volatile(".byte 0xc4,0xe2,0x78,0x49,0xc0");
