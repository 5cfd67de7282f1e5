// out = scale * (q - zero), rounded once, for 4-bit weights as w4/layout.py says. Where a
// matrix product has many rows of x, this is a small part of it.
#include "gfx.h"

constexpr int THREADS = 256;
constexpr int TILES = 16;     // K32 tiles that a block takes: neighbouring threads write side by side
constexpr int OUTPUTS = 16;   // of a block
constexpr int AT_ONCE = 4;    // words of a thread, of rows at this distance
constexpr int PER_WORD = 8;

// `tiles`: of 32 inputs, of a row; `size`: inputs of a group, whole words.
template <class T, bool ZEROS, int WIDTH>
GFX_DEVICE void w4a16_dequantise(T* out, const u32* qweight, const T* scales, const u32* zeros,
                                 int tiles, int size) {
  overlap_launches();
  const int word = thread_id() & 3, first = thread_id() / (4 * TILES);
  const int tile = block_id_y() * TILES + (thread_id() / 4 & (TILES - 1));
  if (tile >= tiles) return;
  const int column = tile * 32 + word * PER_WORD, group = column / size, groups = tiles * 32 / size;
  const i64 at = (i64)block_id() * groups + group;
  const u32* from = qweight + ((i64)block_id() * tiles + tile) * (OUTPUTS * 4) + word;
  T* to = out + (i64)block_id() * OUTPUTS * tiles * 32 + column;
  u32 words[AT_ONCE];
#pragma unroll
  for (int i = 0; i < AT_ONCE; i++) words[i] = from[(first + i * AT_ONCE) * 4];
#pragma unroll
  for (int i = 0; i < AT_ONCE; i++) {
    const int row = first + i * AT_ONCE;
    const float scale = to_float(scales[at * OUTPUTS + row]);
    const u32 zero = ZEROS ? zeros[at * 2 + row / 8] >> (row % 8 * 4) & 15u : 8u;
    T numbers[PER_WORD];
#pragma unroll
    for (int j = 0; j < PER_WORD; j++) {
      const u32 q = words[i] >> (j / 2 * 4 + j % 2 * 16) & 15u;
      numbers[j] = from_float<T>((float)((int)q - (int)zero) * scale);
    }
#pragma unroll
    for (int j = 0; j < PER_WORD; j += WIDTH) {
      Pack<T, WIDTH> pack;
#pragma unroll
      for (int l = 0; l < WIDTH; l++) pack.v[l] = numbers[j + l];
      store(to + (i64)row * tiles * 32 + j, pack);
    }
  }
}

#define KERNEL(NAME, T, ZEROS, WIDTH)                                                         \
  extern "C" GFX_KERNEL(THREADS) NAME(T* out, const u32* qweight, const T* scales,            \
                                      const u32* zeros, int tiles, int size) {                \
    w4a16_dequantise<T, ZEROS, WIDTH>(out, qweight, scales, zeros, tiles, size);              \
  }
#define KERNELS(TYPE, T)                                               \
  KERNEL(w4a16_dequantise_##TYPE, T, false, WIDEST<T>)                 \
  KERNEL(w4a16_dequantise_##TYPE##_odd, T, false, 1)                   \
  KERNEL(w4a16_dequantise_##TYPE##_zeros, T, true, WIDEST<T>)          \
  KERNEL(w4a16_dequantise_##TYPE##_zeros_odd, T, true, 1)
KERNELS(f16, f16)
KERNELS(bf16, bf16)
KERNELS(f32, float)
