// w4a16_linear for 9 to 32 rows of x on a matrix unit: mma.h's products for 2 or 4 groups of 8 rows, so
// that weights are read and unpacked once for all of them.
//
// So many rows of x do not fit in shared memory from end to end: x and weights come in stages of `parts`
// chunks of 128 inputs. A wave makes the sums of PAIR tiles of 16 outputs over its part of each stage; a
// block has `across` such waves for each part, which share x. Where there are few outputs, a cluster of
// TOGETHER blocks shares the stages of the same outputs.
#pragma once
#include "mma_unit.h"

constexpr int PAIR = 2;

// What many.py has worked out.
struct Many {
  int tiles, stages;    // of 32 inputs, as in `Plan`; of parts * 4 of these
  int groups, inverse;  // of a row; tile * inverse >> 20 is a tile's group
  int across, parts;    // waves of a block: across * parts
  int depth, spans;     // stages in flight; groups that a stage can touch
};

// Shared memory: barriers in 128 bytes, then stages: x [ROWS][parts * 256 + 64] bytes, and for each tile
// of outputs its words [parts][1024], scales [spans][32] and zeros. Sums take their place at the end.
template <class T, bool APART, bool ZEROS, int ROWS, int TOGETHER>
GFX_DEVICE void many_linear(const T* x, const u32* qweight, const T* scales, const u32* zeros,
                            const T* bias, T* out, int m, int n, int k, Many p) {
  extern __shared__ __align__(128) char shared[];
  constexpr int EIGHTS = ROWS / 8;
  typedef Numbers<T, true> Operand;
  const int lane = lane_id(), g = lane >> 2, t = lane & 3;
  // The same in all lanes, which the compiler then knows.
  const int wave = __shfl_sync(~0u, wave_id(), 0), waves = p.across * p.parts;
  const int part = wave / p.across, place = wave - part * p.across;  // of a stage, of the block
  const int rank = block_id() % TOGETHER;                            // in the cluster
  const int tile = (block_id() / TOGETHER * p.across + place) * PAIR;
  const int real = max(0, min(PAIR, ((n + 15) >> 4) - tile));  // tiles, not past the last
  auto group_of = [&](int of) { return (of * p.inverse) >> 20; };
  const int stride = p.parts * 256 + 64;  // an odd multiple of 64 bytes
  const int scales_at = p.parts * 1024, zeros_at = scales_at + p.spans * 32;
  const int of_tile = zeros_at + (ZEROS ? (p.spans * 8 + 31) & ~15 : 0);
  const int weights_at = ROWS * stride + place * PAIR * of_tile;
  const int stage_bytes = ROWS * stride + p.across * PAIR * of_tile;
  char* ring = shared + 128;
  const u32 barrier = (u32)__cvta_generic_to_shared(shared);

  if (thread_id() == 0) {
#pragma unroll 1
    for (int d = 0; d < p.depth; d++) Arrivals{barrier + d * 8}.init(waves);
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  sync_block();
  // A wave brings its words, those of the first part their tiles' scales and zeros too, and all of them
  // rows of x by turns. Its place is told how much will come before anything does.
  auto fetch_weights = [&](int slot, int stage) {
    if (stage >= p.stages || !elected()) return;
    const Arrivals full = {barrier + slot * 8};
    const int first = stage * p.parts * 4, count = min(p.parts * 4, p.tiles - first);
    const int words = max(0, min(4, count - part * 4)) * 256;
    const int group = group_of(first), touched = group_of(first + count - 1) - group + 1;
    auto scales_of = [&](int i) { return (u32)(tile + i) * p.groups + group; };
    // As in mma.h: whole pieces of 16 bytes, of which the first may begin early.
    auto zero_bytes = [&](u32 at) { return ZEROS ? ((at & 1) * 8 + touched * 8 + 15) & ~15u : 0; };
    u32 bytes = real * words + max(0, (m - wave + waves - 1) / waves) * count * 64;
#pragma unroll
    for (int i = 0; i < PAIR; i++)
      if (part == 0 && i < real) bytes += touched * 32 + zero_bytes(scales_of(i));
    full.expect(bytes);
    const char* to = ring + slot * stage_bytes + weights_at;
#pragma unroll
    for (int i = 0; i < PAIR; i++, to += of_tile) {
      if (i >= real) break;
      const u32 at = scales_of(i), from = part * 4;
      if (words)
        full.copy(to + part * 1024, qweight + ((u64)(tile + i) * p.tiles + first + from) * 64, words);
      if (part) continue;
      full.copy(to + scales_at, scales + (u64)at * 16, touched * 32);
      if (ZEROS) full.copy(to + zeros_at, zeros + (u64)(at & ~1u) * 2, zero_bytes(at));
    }
  };
  auto fetch_inputs = [&](int slot, int stage) {
    if (stage >= p.stages || !elected()) return;
    const int first = stage * p.parts * 4, count = min(p.parts * 4, p.tiles - first);
    const char* to = ring + slot * stage_bytes;
#pragma unroll 1
    for (int r = wave; r < m; r += waves)
      Arrivals{barrier + slot * 8}.copy(to + r * stride, x + (u64)r * k + first * 32, count * 64);
  };
#pragma unroll 1
  for (int d = 0; d < p.depth; d++) fetch_weights(d, d * TOGETHER + rank);
  next_launch_may_start();
  previous_launch_done();
#pragma unroll 1
  for (int d = 0; d < p.depth; d++) fetch_inputs(d, d * TOGETHER + rank);

  float sum[PAIR][EIGHTS][4];
  int row[EIGHTS];  // those past the last repeat it
#pragma unroll
  for (int e = 0; e < EIGHTS; e++) {
#pragma unroll
    for (int i = 0; i < PAIR; i++) clear(sum[i][e]);
    row[e] = min(e * 8 + g, m - 1) * stride + part * 256 + t * 16;
  }
  int slot = 0;
  u32 parity = 0;
#pragma unroll 1
  for (int stage = rank; stage < p.stages; stage += TOGETHER) {
    const char* xs = ring + slot * stage_bytes;
    const char* at = xs + weights_at;
    const int first = stage * p.parts * 4, begin = first + part * 4, group = group_of(first);
    Arrivals{barrier + slot * 8}.wait(parity);
    float all[PAIR][EIGHTS][4];
    u32 zero[PAIR][2][2];  // of outputs g, of outputs g + 8
#pragma unroll
    for (int u = 0; u < 4; u++) {
      if (begin + u >= p.tiles) break;
      const int of = group_of(begin + u) - group;
      Operand a[PAIR], b[PAIR];
#pragma unroll
      for (int i = 0; i < PAIR; i++) {
        const char* mine = at + i * of_tile;
        if (APART || u == 0) {
          const int odd = ((u32)(tile + i) * p.groups + group) & 1;
          u32x2 packed;
          packed.x = packed.y = 0x88888888u;
          if (ZEROS) packed = *(const u32x2*)(mine + zeros_at + (of + odd) * 8);
          Operand::zeros(ZEROS ? (packed.x >> (4 * g)) & 15 : 8, zero[i][0]);
          Operand::zeros(ZEROS ? (packed.y >> (4 * g)) & 15 : 8, zero[i][1]);
#pragma unroll
          for (int e = 0; e < EIGHTS; e++) clear(all[i][e]);
        }
        const u32* words = (const u32*)(mine + part * 1024) + u * 64 + lane;
        a[i].unpack(words[0], zero[i][0]);
        b[i].unpack(words[32], zero[i][1]);
      }
#pragma unroll
      for (int e = 0; e < EIGHTS; e++) {
        const u32x4 v = load128(xs + row[e] + u * 64);
#pragma unroll
        for (int i = 0; i < PAIR; i++) {
          multiply_add(T(), all[i][e], a[i].low[0], b[i].low[0], a[i].low[1], b[i].low[1], v.x, v.z);
          multiply_add(T(), all[i][e], a[i].high[0], b[i].high[0], a[i].high[1], b[i].high[1], v.y, v.w);
        }
      }
      if (!APART && u < 3 && begin + u + 1 < p.tiles) continue;
#pragma unroll
      for (int i = 0; i < PAIR; i++) {
        const T* scale = (const T*)(at + i * of_tile + scales_at + of * 32) + g;
        const float by = to_float(scale[0]), by8 = to_float(scale[8]);
#pragma unroll
        for (int e = 0; e < EIGHTS; e++)
#pragma unroll
          for (int j = 0; j < 4; j++) sum[i][e][j] = fma_(j < 2 ? by : by8, all[i][e][j], sum[i][e][j]);
      }
    }
    sync_block();  // every wave has read the place
    fetch_weights(slot, stage + p.depth * TOGETHER);
    fetch_inputs(slot, stage + p.depth * TOGETHER);
    if (++slot == p.depth) slot = 0, parity ^= 1;
  }
  // [part][tile][row][output]; added in a fixed order, a share of the rows by each block of a cluster.
  float* sums = (float*)ring;
#pragma unroll
  for (int i = 0; i < PAIR; i++) {
    float* to = sums + (wave * PAIR + i) * ROWS * 16;
#pragma unroll
    for (int e = 0; e < EIGHTS; e++)
#pragma unroll
      for (int j = 0; j < 4; j++) to[(e * 8 + 2 * t + (j & 1)) * 16 + g + (j >> 1) * 8] = sum[i][e][j];
  }
  sync_cluster<TOGETHER>();
#pragma unroll 1
  for (int i = 0; i < real; i++) {
    const int column = (tile + i) * 16 + (lane & 15);
    if (column >= n) break;
    const float offset = bias ? to_float(bias[column]) : 0.0f;
#pragma unroll 1
    for (int r = (part * TOGETHER + rank) * 2 + (lane >> 4); r < m; r += p.parts * TOGETHER * 2) {
      float total = 0.0f;
#pragma unroll 1
      for (int j = 0; j < p.parts; j++) {
        const int of = (j * p.across + place) * PAIR + i;
        total += over_cluster<TOGETHER>(sums + (of * ROWS + r) * 16 + (lane & 15));
      }
      out[(u64)r * n + column] = from_float<T>(total + offset);
    }
  }
  if (TOGETHER > 1) sync_cluster<TOGETHER>();  // no block ends before the others have read its sums
}
