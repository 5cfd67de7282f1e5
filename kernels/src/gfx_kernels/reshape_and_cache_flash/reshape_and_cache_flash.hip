// Store each token's keys and values at its slot of a paged cache. A block per token; a slot below
// zero, or past the last, stores nothing.
#include "gfx.h"

constexpr int THREADS = 256;

// What a number is stored as: the numbers themselves ...
template <class T>
struct Same {
  typedef T Cache;
  static constexpr bool SCALED = false;
  GFX_DEVICE T of(T v, float) { return v; }
};

// ... or an 8-bit float with 4 exponent and 3 fraction bits, of v / scale, to nearest even, at most
// the largest finite number. e4m3fn: exponent bias 7, up to 448, NaN 0x7f with either sign;
// e4m3fnuz: bias 8, up to 240, no -0, whose pattern 0x80 is NaN.
template <bool FNUZ>
GFX_DEVICE u8 to_fp8(float v) {
  constexpr float LARGEST = FNUZ ? 240.0f : 448.0f;
  constexpr u32 BIAS = FNUZ ? 8 : 7;
  constexpr u32 DENORMAL_BELOW = (128 - BIAS) << 23;  // 2^(1 - BIAS), as float32
  constexpr float UNIT = 1 << (21 - BIAS);  // from here, float32 numbers lie a denormal apart
  u32 pattern = bits<u32>(v), size = pattern & 0x7fffffffu, sign = pattern >> 24 & 0x80u;
  if (size > 0x7f800000u) return (u8)(FNUZ ? 0x80u : sign | 0x7fu);
  size = size < bits<u32>(LARGEST) ? size : bits<u32>(LARGEST);
  u32 denormal = bits<u32>(bits<float>(size) + UNIT) & 0xffu;
  u32 normal = ((size + 0x7ffffu + (size >> 20 & 1)) >> 20) - ((127 - BIAS) << 3);
  u32 code = size < DENORMAL_BELOW ? denormal : normal;
  return (u8)(FNUZ && code == 0 ? 0u : sign | code);
}
template <class T, bool FNUZ>
struct Fp8 {
  typedef u8 Cache;
  static constexpr bool SCALED = true;
  GFX_DEVICE u8 of(T v, float scale) { return to_fp8<FNUZ>(to_float(v) / scale); }
};

// Heads of one token, in the input or in the cache.
template <class T>
struct Heads {
  T* first;
  i64 stride;
};

template <class As, class T, int WIDTH>
GFX_DEVICE void copy(Heads<const T> from, Heads<typename As::Cache> to, const float* scales,
                     int per_head_scale, int heads, int size) {
  int per_head = size / WIDTH;
  for (int unit = thread_id(); unit < heads * per_head; unit += THREADS) {
    int head = unit / per_head, at = unit % per_head * WIDTH;
    float scale = As::SCALED ? scales[head * per_head_scale] : 0.0f;
    Pack<T, WIDTH> pack = load<T, WIDTH>(from.first + head * from.stride + at);
    Pack<typename As::Cache, WIDTH> stored;
#pragma unroll
    for (int i = 0; i < WIDTH; i++) stored.v[i] = As::of(pack.v[i], scale);
    store(to.first + head * to.stride + at, stored);
  }
}

#define KERNEL(NAME, T, AS, WIDTH)                                                                \
  extern "C" GFX_KERNEL(THREADS)                                                                  \
      NAME(const T* key, const T* value, AS::Cache* key_cache, AS::Cache* value_cache,            \
           const i64* slots, const float* key_scale, const float* value_scale, int per_head_scale,\
           int heads, int size, int block_size, int blocks, i64 key_stride, i64 key_head,         \
           i64 value_stride, i64 value_head, i64 cache_block, i64 cache_slot, i64 cache_head) {   \
    overlap_launches();                                                                           \
    i64 slot = slots[block_id()];                                                                 \
    if (slot < 0 || slot >= (i64)blocks * block_size) return;                                     \
    i64 place = slot / block_size * cache_block + slot % block_size * cache_slot;                 \
    copy<AS, T, WIDTH>({key + block_id() * key_stride, key_head},                                 \
                       {key_cache + place, cache_head}, key_scale, per_head_scale, heads, size);  \
    copy<AS, T, WIDTH>({value + block_id() * value_stride, value_head},                           \
                       {value_cache + place, cache_head}, value_scale, per_head_scale, heads,     \
                       size);                                                                     \
  }
#define KERNELS(SUFFIX, T, AS)                                        \
  KERNEL(reshape_and_cache_flash_##SUFFIX, T, AS, WIDEST<T>)          \
  KERNEL(reshape_and_cache_flash_##SUFFIX##_odd, T, AS, 1)

typedef Same<u16> Same16;
typedef Same<u32> Same32;
typedef Fp8<f16, false> F16Fn;
typedef Fp8<f16, true> F16Fnuz;
typedef Fp8<bf16, false> Bf16Fn;
typedef Fp8<bf16, true> Bf16Fnuz;
typedef Fp8<float, false> F32Fn;
typedef Fp8<float, true> F32Fnuz;
KERNELS(b16, u16, Same16)
KERNELS(b32, u32, Same32)
KERNELS(f16_fn, f16, F16Fn)
KERNELS(bf16_fn, bf16, Bf16Fn)
KERNELS(f32_fn, float, F32Fn)
KERNELS(f16_fnuz, f16, F16Fnuz)
KERNELS(bf16_fnuz, bf16, Bf16Fnuz)
KERNELS(f32_fnuz, float, F32Fnuz)
