// residual += in, then in = residual / sqrt(mean(residual^2) + epsilon) * weight, row by row; sums
// and products in float32, and the norm is that of the sum before it is rounded.
#include "gfx.h"

constexpr int THREADS = 512;
constexpr int KEPT = 2;  // packs of a row that a thread keeps, so that they are read once

template <class T, int WIDTH>
struct Sum {
  float v[WIDTH];
};

template <class T, int WIDTH>
GFX_DEVICE Sum<T, WIDTH> added(const T* in, const T* residual) {
  Pack<T, WIDTH> a = load<T, WIDTH>(in), b = load<T, WIDTH>(residual);
  Sum<T, WIDTH> sum;
#pragma unroll
  for (int i = 0; i < WIDTH; i++) sum.v[i] = to_float(a.v[i]) + to_float(b.v[i]);
  return sum;
}

template <class T, int WIDTH>
GFX_DEVICE float squares(const Sum<T, WIDTH>& row, float sum) {
#pragma unroll
  for (int i = 0; i < WIDTH; i++) sum = fma_(row.v[i], row.v[i], sum);
  return sum;
}

template <class T, int WIDTH>
GFX_DEVICE void write(T* in, T* residual, const Sum<T, WIDTH>& sum, float by, bool weighted,
                      const Pack<T, WIDTH>& factor) {
  Pack<T, WIDTH> normal, rounded;
#pragma unroll
  for (int i = 0; i < WIDTH; i++) {
    float v = sum.v[i] * by;
    normal.v[i] = from_float<T>(weighted ? v * to_float(factor.v[i]) : v);
    rounded.v[i] = from_float<T>(sum.v[i]);
  }
  store(in, normal);
  store(residual, rounded);
}

// A block per row: every thread reads and writes the same places, so the rows may be overwritten.
template <class T, int WIDTH>
GFX_DEVICE void fused_add_rms_norm(T* in, T* residual, const T* weight, float epsilon, int size,
                                   i64 in_stride, i64 residual_stride) {
  GFX_SHARED float shared[THREADS / GFX_WAVE];
  constexpr int STEP = THREADS * WIDTH;
  in += block_id() * in_stride;
  residual += block_id() * residual_stride;
  int first = thread_id() * WIDTH;
  Sum<T, WIDTH> kept[KEPT] = {};
  Pack<T, WIDTH> factors[KEPT] = {};
  float sum = 0.0f;
  next_launch_may_start();
#pragma unroll
  for (int i = 0; i < KEPT; i++) {
    int at = i * STEP + first;
    if (weight && at < size) prefetch(weight + at);
  }
  previous_launch_done();
#pragma unroll
  for (int i = 0; i < KEPT; i++) {
    int at = i * STEP + first;
    if (at < size) {
      if (weight) factors[i] = load<T, WIDTH>(weight + at);
      kept[i] = added<T, WIDTH>(in + at, residual + at);
      sum = squares(kept[i], sum);
    }
  }
  for (int at = KEPT * STEP + first; at < size; at += STEP)
    sum = squares(added<T, WIDTH>(in + at, residual + at), sum);
  sum = block_sum<THREADS>(sum, shared);
  float by = 1.0f / sqrt_(sum / (float)size + epsilon);
#pragma unroll
  for (int i = 0; i < KEPT; i++) {
    int at = i * STEP + first;
    if (at < size) write(in + at, residual + at, kept[i], by, weight, factors[i]);
  }
  for (int at = KEPT * STEP + first; at < size; at += STEP) {
    Pack<T, WIDTH> factor = {};
    if (weight) factor = load<T, WIDTH>(weight + at);
    write(in + at, residual + at, added<T, WIDTH>(in + at, residual + at), by, weight, factor);
  }
}

#define KERNEL(NAME, T, WIDTH)                                                                    \
  extern "C" GFX_KERNEL(THREADS)                                                                  \
      NAME(T* in, T* residual, const T* weight, float epsilon, int size, i64 in_stride,           \
           i64 residual_stride) {                                                                 \
    fused_add_rms_norm<T, WIDTH>(in, residual, weight, epsilon, size, in_stride, residual_stride);\
  }
#define KERNELS(TYPE, T)                               \
  KERNEL(fused_add_rms_norm_##TYPE, T, WIDEST<T>)      \
  KERNEL(fused_add_rms_norm_##TYPE##_odd, T, 1)
KERNELS(f16, f16)
KERNELS(bf16, bf16)
KERNELS(f32, float)
