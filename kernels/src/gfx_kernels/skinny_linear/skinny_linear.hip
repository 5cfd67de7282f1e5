// y = x @ weight.T + bias for 1 to 8 rows of x; weight [n][k] as torch has it, k a multiple of 8.
//
// A crew of 64 lanes, one wave or two, takes ROWS outputs, 16 bytes of each a lane at a time;
// `sharers` crews of a block share k. x lies in LDS, a slice of k at a time.
#include "gfx.h"

constexpr int THREADS = 256;
constexpr int CREW = 64;
constexpr int CREWS = THREADS / CREW;
constexpr int WAVES = THREADS / GFX_WAVE;
constexpr int CREW_WAVES = CREW / GFX_WAVE;

GFX_DEVICE float dot2(u32 a, u32 b, float c, f16) { return dot2_f16(a, b, c); }
GFX_DEVICE float dot2(u32 a, u32 b, float c, bf16) { return dot2_bf16(a, b, c); }

template <class T, int M>
GFX_DEVICE void skinny_linear(const T* x, const T* weight, const T* bias, T* out, int m, int n,
                              int k, int sharers) {
  constexpr int ROWS = M < 8 ? 4 : 2;
  constexpr int SLICE = 8192 / M;  // inputs of a row in LDS: 16 KB of x for any M
  GFX_SHARED u32x4 xs[M * SLICE / 8];
  GFX_SHARED float sums[WAVES][ROWS * M];

  const int lane = thread_id() & (CREW - 1), crew = thread_id() / CREW;
  const int share = crew % sharers, first_crew = crew - share;
  const int first_row = (block_id() * CREWS + first_crew) / sharers * ROWS;
  u32x4 nothing;
  nothing.x = nothing.y = nothing.z = nothing.w = 0;
  float sum[ROWS * M];
#pragma unroll
  for (int i = 0; i < ROWS * M; i++) sum[i] = 0.0f;

  overlap_launches();
  for (int from = 0; from < k; from += SLICE) {
    if (from) sync_block();  // every wave has read the slice before
    for (int i = thread_id(); i < M * SLICE / 8; i += THREADS) {
      const int r = i / (SLICE / 8), input = from + i % (SLICE / 8) * 8;
      xs[i] = r < m && input < k ? load128(x + (u64)r * k + input) : nothing;
    }
    sync_block();
    const int pieces = (k - from < SLICE ? k - from : SLICE) / 8;
    for (int at = share * CREW; at < pieces; at += sharers * CREW) {
      const int piece = at + lane;
      const bool inside = piece < pieces;
      u32x4 w[ROWS];
#pragma unroll
      for (int row = 0; row < ROWS; row++) {
        // Rows past the last repeat it: nothing is stored of them.
        const int of = first_row + row < n ? first_row + row : n - 1;
        w[row] = inside ? stream128(weight + (u64)of * k + from + piece * 8) : nothing;
      }
#pragma unroll
      for (int r = 0; r < M; r++) {
        const u32x4 v = xs[r * (SLICE / 8) + (inside ? piece : 0)];
#pragma unroll
        for (int row = 0; row < ROWS; row++) {
          float& to = sum[row * M + r];
          to = dot2(w[row].x, v.x, to, T());
          to = dot2(w[row].y, v.y, to, T());
          to = dot2(w[row].z, v.z, to, T());
          to = dot2(w[row].w, v.w, to, T());
        }
      }
    }
  }
  // Lanes, then the waves of the crews that share, in a fixed order.
#pragma unroll
  for (int i = 0; i < ROWS * M; i++) {
    sum[i] = wave_sum(sum[i]);
    if (lane_id() == 0) sums[wave_id()][i] = sum[i];
  }
  sync_block();
  if (share == 0 && lane < ROWS * M) {
    const int row = first_row + lane / M, r = lane % M;
    float total = 0.0f;
    for (int w = 0; w < sharers * CREW_WAVES; w++) total += sums[first_crew * CREW_WAVES + w][lane];
    if (row < n && r < m) {
      if (bias) total += to_float(bias[row]);
      out[(u64)r * n + row] = from_float<T>(total);
    }
  }
}

#define KERNEL(type, rows)                                                              \
  extern "C" GFX_STREAMING_KERNEL(THREADS) skinny_linear_##type##_m##rows(              \
      const type* x, const type* weight, const type* bias, type* out, int m, int n,     \
      int k, int sharers) {                                                             \
    skinny_linear<type, rows>(x, weight, bias, out, m, n, k, sharers);                  \
  }
#define TYPE(type) KERNEL(type, 1) KERNEL(type, 2) KERNEL(type, 4) KERNEL(type, 8)
TYPE(f16)
TYPE(bf16)
