// What w4a16_linear's kernels for a matrix unit (mma.h, mma_many.h) take from the device: the unit's step,
// how 4-bit numbers become its operands, bulk copies into shared memory, clusters of blocks.
#pragma once
#include "gfx.h"

// (word & mask) | magic in one instruction; the compiler makes two of it where both are constants.
template <u32 MASK>
GFX_DEVICE u32 masked(u32 word, u32 magic) {
  u32 to;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(to) : "r"(word), "n"(MASK), "r"(magic));
  return to;
}

// c += a b; a 16 x 16, b 16 x 8.
GFX_DEVICE void multiply_add(f16, float c[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
GFX_DEVICE void multiply_add(bf16, float c[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

GFX_DEVICE void clear(float c[4]) { c[0] = c[1] = c[2] = c[3] = 0.0f; }

// A word's numbers, exactly, as operands: pairs `low`, and `high`, whose bits are a nibble higher.
//
// DIFFERENCES: q - z. Else BASE + q, high ones times 1 / HIGH, all times ONE, and z is for whoever
// has the sum of the inputs: sum (q - z) x = sum (BASE + q) x - (BASE + z) sum x. It takes fewer
// instructions, if there is one sum for many numbers. An infinite x then makes its row NaN.
template <class T, bool DIFFERENCES>
struct Numbers;
template <>
struct Numbers<f16, false> {
  // Bits below an exponent of zero are q * 2^-24 as they are.
  static constexpr float BASE = 0.0f, ONE = 0x1p-24f, HIGH = 0x1p-4f;
  static constexpr u32 ONES = 0x3c003c00u;
  u32 low[2], high[2];
  GFX_MEMBER void unpack(u32 word, const u32*) {
    const u32 upper = word >> 8;
    low[0] = word & 0x000f000fu, high[0] = word & 0x00f000f0u;
    low[1] = upper & 0x000f000fu, high[1] = upper & 0x00f000f0u;
  }
};
template <>
struct Numbers<f16, true> {
  // 0x6400 | q is 1024 + q; one nibble higher, 0x5400 | 16 q is 64 + q.
  static constexpr float ONE = 1.0f;
  u32 low[2], high[2];
  GFX_DEVICE u32 minus(u32 a, u32 b) { return bits<u32>(__hsub2(bits<f16x2>(a), bits<f16x2>(b))); }
  GFX_DEVICE void zeros(u32 z, u32 zero[2]) {
    zero[0] = 0x64006400u + z * 0x00010001u;
    zero[1] = 0x54005400u + z * 0x00100010u;
  }
  GFX_MEMBER void unpack(u32 word, const u32* zero) {
    const u32 upper = word >> 8;
    low[0] = minus(masked<0x000f000fu>(word, 0x64006400u), zero[0]);
    high[0] = minus(masked<0x00f000f0u>(word, 0x54005400u), zero[1]);
    low[1] = minus(masked<0x000f000fu>(upper, 0x64006400u), zero[0]);
    high[1] = minus(masked<0x00f000f0u>(upper, 0x54005400u), zero[1]);
  }
};
template <bool DIFFERENCES>
struct Numbers<bf16, DIFFERENCES> {
  // 0x4300 | q is 128 + q.
  static constexpr float BASE = 128.0f, ONE = 1.0f, HIGH = 1.0f;
  static constexpr u32 ONES = 0x3f803f80u;
  u32 low[2], high[2];
  GFX_DEVICE void zeros(u32 z, u32 zero[2]) { zero[0] = 0x43004300u + z * 0x00010001u; }
  GFX_DEVICE u32 of(u32 word, const u32* zero) {
    const u32 pair = masked<0x000f000fu>(word, 0x43004300u);
    return DIFFERENCES ? bits<u32>(__hsub2(bits<bf16x2>(pair), bits<bf16x2>(zero[0]))) : pair;
  }
  GFX_MEMBER void unpack(u32 word, const u32* zero) {
    low[0] = of(word, zero), high[0] = of(word >> 4, zero);
    low[1] = of(word >> 8, zero), high[1] = of(word >> 12, zero);
  }
};

// One lane of a wave whose lanes are all here; the compiler knows that it is one.
GFX_DEVICE bool elected() {
  u32 yes;
  asm volatile("{\n.reg .pred p;\nelect.sync _|p, 0xffffffff;\nselp.u32 %0, 1, 0, p;\n}" : "=r"(yes));
  return yes != 0;
}

// Bulk copies into shared memory and a barrier there that counts their bytes; for one lane.
struct Arrivals {
  u32 address;
  GFX_MEMBER void init(u32 arrivals = 1) const {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(address), "r"(arrivals) : "memory");
  }
  GFX_MEMBER void expect(u32 bytes) const {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(address), "r"(bytes)
                 : "memory");
  }
  GFX_MEMBER void copy(const char* to, const void* from, u32 bytes) const {
    const u32 at = (u32)__cvta_generic_to_shared(to);
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
            "r"(at), "l"(from), "r"(bytes), "r"(address)
        : "memory");
  }
  GFX_MEMBER void wait(u32 parity) const {  // every lane may
    asm volatile(
        "{\n.reg .pred done;\nagain:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@!done bra again;\n}" ::"r"(address),
        "r"(parity)
        : "memory");
  }
};

// A barrier of a cluster's blocks, after which each may read the others' shared memory.
template <int BLOCKS>
GFX_DEVICE void sync_cluster() {
  if (BLOCKS == 1) return sync_block();
  asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
}
// The sum of what `at` holds in each of the blocks.
template <int BLOCKS>
GFX_DEVICE float over_cluster(const float* at) {
  if (BLOCKS == 1) return *at;
  const u32 here = (u32)__cvta_generic_to_shared(at);
  float of[BLOCKS], total = 0.0f;
#pragma unroll
  for (int b = 0; b < BLOCKS; b++)
    asm volatile("{\n.reg .u32 there;\nmapa.shared::cluster.u32 there, %1, %2;\n"
                 "ld.shared::cluster.f32 %0, [there];\n}" : "=f"(of[b]) : "r"(here), "r"(b));
#pragma unroll
  for (int b = 0; b < BLOCKS; b++) total += of[b];
  return total;
}
