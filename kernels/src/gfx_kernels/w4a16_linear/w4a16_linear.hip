// y = x @ dequantised(weight).T + bias for few rows of x; w4/layout.py says how weights lie.
// plan.py chooses the kernel, its grid and the numbers.
#include "gfx.h"

#include "dot.h"
#if GFX_NVIDIA
#include "mma.h"
#include "mma_many.h"
#endif

#define DOT(name, type, rows, with_zeros)                                                 \
  extern "C" GFX_STREAMING_KERNEL(DOT_THREADS) w4a16_linear_dot_##type##_m##rows##name(             \
      const type* x, const u32* qweight, const type* scales, const u32* zeros,            \
      const type* bias, type* out, int m, int n, int k, int groups, int inverse) {        \
    dot_linear<type, rows, with_zeros>(x, qweight, scales, zeros, bias, out, m, n, k,     \
                                       groups, inverse);                                  \
  }
#define DOT_ROWS(type, rows) DOT(, type, rows, false) DOT(_zeros, type, rows, true)
#define DOT_TYPE(type) DOT_ROWS(type, 1) DOT_ROWS(type, 2) DOT_ROWS(type, 4) DOT_ROWS(type, 8)
DOT_TYPE(f16)
DOT_TYPE(bf16)

#if GFX_NVIDIA
#define MMA(name, type, groups, with_zeros)                                                    \
  extern "C" GFX_STREAMING_KERNEL(512) w4a16_linear_mma_##type##name(                                    \
      const type* x, const u32* qweight, const type* scales, const u32* zeros,                 \
      const type* bias, type* out, int m, int n, int k, int tiles, int chunks, int in_row,     \
      int inverse, int blocks, int waves, int share, int extra, int step, int depth,           \
      int spans, int held) {                                                                   \
    mma_linear<type, groups, with_zeros>(x, qweight, scales, zeros, bias, out, m, n, k,        \
                                         {tiles, chunks, in_row, inverse, blocks, waves,       \
                                          share, extra, step, depth, spans, held});            \
  }
#define MMA_GROUPS(name, type, groups) \
  MMA(name, type, groups, false) MMA(name##_zeros, type, groups, true)
#define MMA_TYPE(type)                      \
  MMA_GROUPS(_chunk, type, ONE_IN_CHUNK)    \
  MMA_GROUPS(_tile, type, ONE_IN_TILE)      \
  MMA_GROUPS(_any, type, ANY)
MMA_TYPE(f16)
MMA_TYPE(bf16)

#define MANY(name, type, apart, with_zeros, rows, together)                                         \
  extern "C" GFX_KERNEL(512) __cluster_dims__(together)                                             \
      w4a16_linear_many_##type##name##_m##rows##_by##together(                                      \
          const type* x, const u32* qweight, const type* scales, const u32* zeros,                  \
          const type* bias, type* out, int m, int n, int k, int tiles, int stages, int in_row,      \
          int inverse, int across, int parts, int depth, int spans) {                               \
    many_linear<type, apart, with_zeros, rows, together>(                                           \
        x, qweight, scales, zeros, bias, out, m, n, k,                                              \
        {tiles, stages, in_row, inverse, across, parts, depth, spans});                             \
  }
#define MANY_TOGETHER(name, type, apart, with_zeros, rows) \
  MANY(name, type, apart, with_zeros, rows, 1) MANY(name, type, apart, with_zeros, rows, 4)
#define MANY_ZEROS(name, type, apart, rows)      \
  MANY_TOGETHER(name, type, apart, false, rows)  \
  MANY_TOGETHER(name##_zeros, type, apart, true, rows)
#define MANY_GROUPS(name, type, apart) \
  MANY_ZEROS(name, type, apart, 16) MANY_ZEROS(name, type, apart, 32)
#define MANY_TYPE(type) MANY_GROUPS(_chunk, type, false) MANY_GROUPS(_any, type, true)
MANY_TYPE(f16)
MANY_TYPE(bf16)
#endif
