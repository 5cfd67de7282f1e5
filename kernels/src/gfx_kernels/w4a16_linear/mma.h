// w4a16_linear for 1 to 8 rows of x on a matrix unit (mma.sync m16n8k16): the 16 outputs of a tile
// are its rows, the rows of x its 8 columns, so 8 rows cost what one costs.
//
// A tile of outputs lies in memory from end to end, so a wave brings its part of k into shared memory
// with few bulk copies, long before x is there. Lane (g, t) of a wave, g = lane / 4 and t = lane % 4,
// takes word t of outputs g and g + 8 of a K32 tile, inputs 8t to 8t + 7: two products of the unit.
// The order inside a tile is free, as long as x is fed in the same.
#pragma once
#include "mma_unit.h"

// What plan.py has worked out: dividing here costs more than the kernel does.
struct Plan {
  int tiles, chunks;      // of 32 and of 128 inputs; the last chunk may be short
  int groups, inverse;    // groups of a row; tile * inverse >> 20 is a tile's group
  int blocks, waves;      // a block takes tiles of 16 outputs at a distance of `blocks`
  int share, extra;       // a wave takes `share` chunks of each, the first `extra` waves one more
  int step, depth, spans; // `step` chunks at a time, `depth` of these steps in flight, in which
                          // up to `spans` groups lie
  int held;               // rows of x that fit in shared memory; more are done in rounds
};

// How groups lie in chunks, which are summed and scaled apart where they hold more than one.
enum Groups { ONE_IN_CHUNK, ONE_IN_TILE, ANY };

// Shared memory: sums [2][waves][128] float, barriers, x [held][chunks * 256 + 64] bytes, its sums
// [chunks][8] float unless groups are apart, steps.
template <class T, Groups GROUPS, bool ZEROS>
GFX_DEVICE void mma_linear(const T* x, const u32* qweight, const T* scales, const u32* zeros,
                           const T* bias, T* out, int m, int n, int k, Plan p) {
  extern __shared__ __align__(128) char shared[];
  const int lane = lane_id(), g = lane >> 2, t = lane & 3;
  // The same in all lanes, which the compiler then knows: what follows from it is worked out once.
  const int wave = __shfl_sync(~0u, wave_id(), 0);
  constexpr bool APART = GROUPS != ONE_IN_CHUNK;
  typedef Numbers<T, APART> Operand;
  auto group_of = [&](int tile) { return (tile * p.inverse) >> 20; };
  const int rows = (n + 15) >> 4;
  const int stride = p.chunks * 256 + 64;  // an odd multiple of 64 bytes
  const int scales_at = p.step * 1024, zeros_at = scales_at + p.spans * 32;
  const int place = zeros_at + (ZEROS ? (p.spans * 8 + 31) & ~15 : 0);
  float* sums = (float*)shared;
  const int barriers_at = p.waves * 1024, x_at = barriers_at + ((p.waves * p.depth * 8 + 127) & ~127);
  char* xs = shared + x_at;
  float* totals = (float*)(xs + p.held * stride);
  char* ring = (char*)(totals + (APART ? 0 : p.chunks * 8)) + wave * p.depth * place;
  const u32 barrier = (u32)__cvta_generic_to_shared(shared + barriers_at) + wave * p.depth * 8;
  const int begin = wave * p.share + min(wave, p.extra);
  const int end = begin + p.share + (wave < p.extra);

  if (lane == 0) {
#pragma unroll 1
    for (int d = 0; d < p.depth; d++) Arrivals{barrier + d * 8}.init();
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __syncwarp();
  auto fetch = [&](int slot, int row, int chunk) {
    if (row >= rows) return;
    const int tile = chunk * 4, count = min(min(chunk + p.step, end) * 4, p.tiles) - tile;
    const int group = group_of(tile), touched = group_of(tile + count - 1) - group + 1;
    const u32 at = (u32)row * p.groups + group;
    // Zeros are 8 bytes a group and copies 16: whole pieces of 16, of which the first may begin early.
    const u32 zero_bytes = ZEROS ? ((at & 1) * 8 + touched * 8 + 15) & ~15u : 0;
    const Arrivals full = {barrier + slot * 8};
    char* to = ring + slot * place;
    if (!elected()) return;
    full.expect(count * 256 + touched * 32 + zero_bytes);
    full.copy(to, (const char*)qweight + (u64)((u32)row * p.tiles + tile) * 256, count * 256);
    full.copy(to + scales_at, (const char*)scales + (u64)at * 32, touched * 32);
    if (ZEROS) full.copy(to + zeros_at, (const char*)zeros + (u64)(at & ~1u) * 8, zero_bytes);
  };

  float sum[4];
  // One chunk. `first`: the group at `at`; `odd`: whether its zeros follow 8 bytes of another's.
  auto compute = [&](const char* at, const u32* words, int chunk, int first, int odd,
                     const char* row) {
    const int last = p.tiles - 1 - chunk * 4;  // past it x is 0, but the scale must be a number
    // Two sums by turns, unless they are scaled soon: a product need not wait for the one before.
    float even[4], other[4], *odds = APART ? even : other;
#pragma unroll
    for (int u = 0; u < 4; u++) {
      const int tile = chunk * 4 + (APART ? min(u, last) : 0);
      const int of = (GROUPS == ONE_IN_TILE ? tile : group_of(tile)) - first;
      u32x2 zero;
      zero.x = zero.y = 0x88888888u;
      if (ZEROS && (APART || u == 3)) zero = *(const u32x2*)(at + zeros_at + (of + odd) * 8);
      const u32 z = ZEROS ? (zero.x >> (4 * g)) & 15 : 8, z8 = ZEROS ? (zero.y >> (4 * g)) & 15 : 8;
      u32 zl[2], zh[2];
      if constexpr (APART) Operand::zeros(z, zl), Operand::zeros(z8, zh);
      if (APART || u == 0)
#pragma unroll
        for (int i = 0; i < 4; i++) even[i] = other[i] = 0.0f;
      const u32x4 v = load128(row + chunk * 256 + u * 64);
      Operand a, b;  // of output g, of output g + 8
      a.unpack(words[u * 64], zl);
      b.unpack(words[u * 64 + 32], zh);
      multiply_add(T(), even, a.low[0], b.low[0], a.low[1], b.low[1], v.x, v.y);
      multiply_add(T(), odds, a.high[0], b.high[0], a.high[1], b.high[1], v.z, v.w);
      if (!APART && u < 3) continue;
      const T* scale = (const T*)(at + scales_at + of * 32) + g;
      const float by = to_float(scale[0]), by8 = to_float(scale[8]);
#pragma unroll
      for (int i = 0; i < 4; i++) {
        float all = even[i];
        if constexpr (!APART) {
          const float less = Operand::BASE + (float)(i < 2 ? z : z8);
          all = fma_(-less, totals[chunk * 8 + 2 * t + (i & 1)], fma_(odds[i], Operand::HIGH, all));
        }
        sum[i] = fma_(i < 2 ? by : by8, all, sum[i]);
      }
    }
  };

  int slot = 0, turn = 0;
  u32 parity = 0;
  for (int base = 0; base < m; base += p.held) {
    const int count = min(p.held, m - base);
    int ahead_row = block_id(), ahead = begin, to = slot;
    auto fetch_next = [&]() {
      fetch(to, ahead_row, ahead);
      if (++to == p.depth) to = 0;
      ahead += p.step;
      if (ahead >= end) ahead = begin, ahead_row += p.blocks;
    };
#pragma unroll 1
    for (int d = 0; d < p.depth; d++) fetch_next();
    if (base == 0) {
      next_launch_may_start();
      previous_launch_done();
    } else {
      sync_block();  // every wave has read the rows of the round before
    }
    // Pieces of 8 inputs, four on their way at a time: of one row, or the same of four rows.
    const int pieces = p.chunks * 16, all = p.waves * GFX_WAVE;
    const T* source = x + (u64)base * k;
    // Each chunk's sum too: the unit's product with ones adds up 4 lanes beside each other, and lane
    // (g, t) gets the sums of lanes 8t to 8t + 3 and 8t + 4 to 8t + 7: two lanes have a chunk's. All
    // lanes take part, those without a piece with zeros; lanes 0 and 18, which are among those whose
    // chunk they have, store it.
    const auto hold = [&](int piece, int piece_step, int r, int r_step) {
      u32x4 v[4];
      float total[4][4];
#pragma unroll
      for (int b = 0; b < 4; b++) {
        const int i = piece + b * piece_step, of = r + b * r_step;
        v[b].x = v[b].y = v[b].z = v[b].w = 0;
        if (i < pieces && of < count && i * 8 < k) v[b] = load128(source + (u64)of * k + i * 8);
      }
#pragma unroll
      for (int b = 0; b < 4 && !APART; b++) {
        constexpr u32 one = Numbers<T, false>::ONES;
        total[b][0] = total[b][1] = total[b][2] = total[b][3] = 0.0f;
        multiply_add(T(), total[b], one, one, one, one, v[b].x, v[b].y);
        multiply_add(T(), total[b], one, one, one, one, v[b].z, v[b].w);
        total[b][0] = (total[b][0] + total[b][1]) * Operand::ONE;
        total[b][0] += __shfl_xor_sync(~0u, total[b][0], 1);
      }
#pragma unroll
      for (int b = 0; b < 4; b++) {
        const int i = piece + b * piece_step, of = r + b * r_step;
        if (i >= pieces || of >= count) continue;
        u32x4 pairs = v[b];  // in the order of the products
        pairs.y = v[b].z, pairs.z = v[b].y;
        store128(xs + of * stride + i * 16, pairs);
        if (!APART && g % 4 == 0 && t == g >> 1) totals[i / 16 * 8 + of] = total[b][0];
      }
    };
    if (count == 1) {
#pragma unroll 1
      for (int i = thread_id(); i - lane < pieces; i += 4 * all) hold(i, all, 0, 0);
    } else {
#pragma unroll 1
      for (int r = 0; r < count; r += 4)
#pragma unroll 1
        for (int i = thread_id(); i - lane < pieces; i += all) hold(i, 0, r, 1);
    }
    sync_block();
    const char* row = xs + min(g, count - 1) * stride + t * 16;
#pragma unroll 1
    for (int tile = block_id(); tile < rows; tile += p.blocks, turn++) {
      sum[0] = sum[1] = sum[2] = sum[3] = 0.0f;
      // Where this thread adds up; its bias is on its way meanwhile.
      const int column = tile * 16 + (thread_id() & 15);
      const bool adds = thread_id() < count * 16 && column < n;
      const float offset = bias && adds ? to_float(bias[column]) : 0.0f;
#pragma unroll 1
      for (int chunk = begin; chunk < end; chunk += p.step) {
        const char* at = ring + slot * place;
        const int first = group_of(chunk * 4), stop = min(chunk + p.step, end);
        const int odd = ((u32)tile * p.groups + first) & 1;
        const u32* words = (const u32*)at + lane;
        Arrivals{barrier + slot * 8}.wait(parity);
#pragma unroll 1
        for (int c = chunk; c < stop; c++, words += 256) compute(at, words, c, first, odd, row);
        __syncwarp();  // every lane has read the place
        fetch_next();
        if (++slot == p.depth) slot = 0, parity ^= 1;
      }
      // The waves' sums [column][row], added in a fixed order. Two buffers:
      // who writes this one again has passed the barrier of the tile between.
      float* half = sums + (turn & 1) * p.waves * 128;
      float* mine = half + wave * 128 + 2 * t * 16 + g;
      mine[0] = sum[0], mine[16] = sum[1], mine[8] = sum[2], mine[24] = sum[3];
      sync_block();
#pragma unroll 1
      for (int i = thread_id(); i < count * 16; i += all) {
        float total = 0.0f;
#pragma unroll 4
        for (int w = 0; w < p.waves; w++) total += half[w * 128 + i];
        total /= Operand::ONE;
        if (adds) out[(u64)(base + (i >> 4)) * n + column] = from_float<T>(total + offset);
      }
    }
  }
}
