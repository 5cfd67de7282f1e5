// out = activation(gate) * up for rows [gate | up] of 2 * size numbers; float32 inside, rounded once.
#pragma once
#include "gfx.h"

constexpr int GATED_THREADS = 128;  // a block computes GATED_THREADS packs of a row

template <class Activation, class T, int WIDTH>
GFX_DEVICE void gated(T* out, const T* in, int size, i64 in_stride) {
  overlap_launches();
  int at = (block_id_y() * GATED_THREADS + thread_id()) * WIDTH;
  if (at >= size) return;
  const T* gate = in + block_id() * in_stride + at;
  Pack<T, WIDTH> g = load<T, WIDTH>(gate), u = load<T, WIDTH>(gate + size), result;
#pragma unroll
  for (int i = 0; i < WIDTH; i++)
    result.v[i] = from_float<T>(Activation::of(to_float(g.v[i])) * to_float(u.v[i]));
  store(out + (i64)block_id() * size + at, result);
}

#define GATED_KERNEL(NAME, ACTIVATION, T, WIDTH)                                    \
  extern "C" GFX_KERNEL(GATED_THREADS)                                              \
      NAME(T* out, const T* in, int size, i64 in_stride) {                          \
    gated<ACTIVATION, T, WIDTH>(out, in, size, in_stride);                          \
  }
#define GATED_KERNELS(NAME, ACTIVATION)                         \
  GATED_KERNEL(NAME##_f16, ACTIVATION, f16, WIDEST<f16>)        \
  GATED_KERNEL(NAME##_f16_odd, ACTIVATION, f16, 1)              \
  GATED_KERNEL(NAME##_bf16, ACTIVATION, bf16, WIDEST<bf16>)     \
  GATED_KERNEL(NAME##_bf16_odd, ACTIVATION, bf16, 1)            \
  GATED_KERNEL(NAME##_f32, ACTIVATION, float, WIDEST<float>)    \
  GATED_KERNEL(NAME##_f32_odd, ACTIVATION, float, 1)
