// w4a16_linear for 1 to 8 rows of x on dot2 instructions: every wave, every GPU.
//
// One block makes the 16 outputs of a tile. A lane holds 16 bytes of one output, 32 inputs: a wave
// reads WAVE / 16 K32 tiles at once, and its lanes need log2(WAVE / 16) exchanges for a sum. x and,
// for every K32 tile, what the packing adds to a sum lie in LDS, a slice of k at a time.
// Weights are taken as magic + q, so a tile's sum is scale * (dot - sum(magic * x) - zero * sum(x)).
#pragma once
#include "gfx.h"

template <class T>
struct Dot;
template <>
struct Dot<f16> {
  // 0x6400 | q is 1024 + q; one nibble higher, 0x5400 | 16 q is 64 + q. Both exact.
  static constexpr float even = 1024.0f, odd = 64.0f;
  const u32 low = in_scalar(0x000f000fu), high = in_scalar(0x00f000f0u);
  const u32 of_low = in_vector(0x64006400u), of_high = in_vector(0x54005400u);
  GFX_MEMBER u32 pair(u32 word, int i) const {
    const u32 w = i & 2 ? word >> 8 : word;
    return i & 1 ? (w & high) | of_high : (w & low) | of_low;
  }
  GFX_MEMBER float dot(u32 a, u32 b, float c) const { return dot2_f16(a, b, c); }
};
template <>
struct Dot<bf16> {
  static constexpr float even = 128.0f, odd = 128.0f;  // 0x4300 | q is 128 + q
  const u32 low = in_scalar(0x000f000fu), of_low = in_vector(0x43004300u);
  GFX_MEMBER u32 pair(u32 word, int i) const { return ((word >> (4 * i)) & low) | of_low; }
  GFX_MEMBER float dot(u32 a, u32 b, float c) const { return dot2_bf16(a, b, c); }
};

constexpr int DOT_THREADS = 256;
constexpr int DOT_WAVES = DOT_THREADS / GFX_WAVE;
constexpr int DOT_ROUND = DOT_THREADS / 16;  // K32 tiles that a block reads at once

// What one lane reads at once.
struct Piece {
  u32x4 words;
  u32 zeros;  // of 8 outputs
  u16 scale;
};

template <class T, int M, bool ZEROS>
GFX_DEVICE void dot_linear(const T* x, const u32* qweight, const T* scales, const u32* zeros,
                           const T* bias, T* out, int m, int n, int k, int groups, int inverse) {
  constexpr int SLICE = 8192 / M;                // inputs of a row in LDS: 16 KB of x for any M
  constexpr int ROUNDS = SLICE / 32 / DOT_ROUND;  // of a slice
  constexpr int DEPTH = ROUNDS < 4 ? ROUNDS : 4;  // pieces on their way to a lane
  GFX_SHARED u32x4 xs[M * SLICE / 8];
  constexpr int OFFSETS = ZEROS ? 2 : 1;
  GFX_SHARED float offsets[M * SLICE / 32][OFFSETS];  // -sum(magic * x), -sum(x), or both in one
  GFX_SHARED float sums[DOT_WAVES][M][16];

  const int row = thread_id() & 15, column = thread_id() >> 4;  // of a tile, of a round
  const int tiles = k >> 5, rounds = (tiles + DOT_ROUND - 1) / DOT_ROUND;
  const u32* weight = qweight + (u64)block_id() * tiles * 64 + row * 4;
  const u16* scale = (const u16*)scales + (u64)block_id() * groups * 16 + row;
  const u32* zero = zeros + (u64)block_id() * groups * 2 + (row >> 3);

  auto fetch = [&](Piece& piece, int round) {
    const int tile = round * DOT_ROUND + column;
    const int inside = tile < tiles ? tile : tiles - 1;
    const int group = (inside * inverse) >> 20;
    piece.words = stream128(weight + (u64)inside * 64);
    piece.scale = scale[group * 16];
    if (tile >= tiles) piece.scale = 0;
    if (ZEROS) piece.zeros = zero[group * 2];
  };
  Piece ring[DEPTH];
#pragma unroll
  for (int d = 0; d < DEPTH; d++) fetch(ring[d], d);
  next_launch_may_start();
  previous_launch_done();

  const Dot<T> unit;
  float total[M];
#pragma unroll
  for (int r = 0; r < M; r++) total[r] = 0.0f;
  auto compute = [&](const Piece& piece, int tile) {  // `tile` of the slice
    const u32 words[4] = {piece.words.x, piece.words.y, piece.words.z, piece.words.w};
    float dot[M];
#pragma unroll
    for (int r = 0; r < M; r++) dot[r] = 0.0f;
#pragma unroll
    for (int j = 0; j < 4; j++) {
      u32 pairs[4];
#pragma unroll
      for (int i = 0; i < 4; i++) pairs[i] = unit.pair(words[j], i);
#pragma unroll
      for (int r = 0; r < M; r++) {
        const u32x4 v = xs[r * (SLICE / 8) + tile * 4 + j];
        dot[r] = unit.dot(pairs[0], v.x, dot[r]);
        dot[r] = unit.dot(pairs[1], v.y, dot[r]);
        dot[r] = unit.dot(pairs[2], v.z, dot[r]);
        dot[r] = unit.dot(pairs[3], v.w, dot[r]);
        if (M > 4 && r == 3) settle(dot);
      }
      settle(dot);
    }
    const float by = to_float(bits<T>(piece.scale));
    const float z = ZEROS ? (float)((piece.zeros >> (4 * (row & 7))) & 15) : 0.0f;
#pragma unroll
    for (int r = 0; r < M; r++) {
      const float* offset = offsets[r * (SLICE / 32) + tile];
      const float sum = dot[r] + offset[0];
      total[r] = fma_(by, ZEROS ? fma_(z, offset[1], sum) : sum, total[r]);
    }
    settle(total);
  };

  for (int first = 0; first < rounds; first += ROUNDS) {
    if (first) sync_block();  // every wave has read the slice before
    // Four neighbours hold a K32 tile.
    for (int i = thread_id(); i < M * SLICE / 8; i += DOT_THREADS) {
      const int r = i / (SLICE / 8), input = first * DOT_ROUND * 32 + i % (SLICE / 8) * 8;
      u32x4 v;
      v.x = v.y = v.z = v.w = 0;
      if (r < m && input < k) v = load128(x + (u64)r * k + input);
      xs[i] = v;
      const u32 words[4] = {v.x, v.y, v.z, v.w};
      float even = 0.0f, odd = 0.0f;
#pragma unroll
      for (int j = 0; j < 4; j++) {
        const float two = to_float(bits<T>((u16)words[j])) + to_float(bits<T>((u16)(words[j] >> 16)));
        if (j & 1)
          odd += two;
        else
          even += two;
      }
      float magic = Dot<T>::even * even + Dot<T>::odd * odd, plain = even + odd;
      magic += shuffle_xor<1>(magic), plain += shuffle_xor<1>(plain);
      magic += shuffle_xor<2>(magic), plain += shuffle_xor<2>(plain);
      if ((i & 3) == 0) {
        offsets[i / 4][0] = ZEROS ? -magic : -magic - 8.0f * plain;
        if (ZEROS) offsets[i / 4][1] = -plain;
      }
    }
    sync_block();
    const int last = first + ROUNDS < rounds ? first + ROUNDS : rounds;
    for (int round = first; round < last; round += DEPTH) {
#pragma unroll
      for (int d = 0; d < DEPTH; d++) {
        // Past the last round a piece repeats the last tile, scaled by 0, and x is there.
        compute(ring[d], (round + d - first) * DOT_ROUND + column);
        fetch(ring[d], round + d + DEPTH);
      }
    }
  }
  // Lanes of a row, then waves, in a fixed order.
#pragma unroll
  for (int r = 0; r < M; r++) {
    total[r] += shuffle_xor<16>(total[r]);
#if GFX_WAVE == 64
    total[r] += shuffle_xor<32>(total[r]);
#endif
    if (lane_id() < 16) sums[wave_id()][r][row] = total[r];
  }
  sync_block();
  for (int i = thread_id(); i < m * 16; i += DOT_THREADS) {
    float sum = 0.0f;
#pragma unroll
    for (int w = 0; w < DOT_WAVES; w++) sum += sums[w][i >> 4][i & 15];
    const int output = block_id() * 16 + (i & 15);
    if (output < n) {
      if (bias) sum += to_float(bias[output]);
      out[(u64)(i >> 4) * n + output] = from_float<T>(sum);
    }
  }
}
