// out = in / sqrt(mean(in^2) + epsilon) * weight, row by row; sums and products in float32.
#include "gfx.h"

constexpr int THREADS = 512;
constexpr int SHORT_THREADS = 256;  // where 32 lanes share a row
constexpr int KEPT = 2;  // packs of a row that a thread keeps, so that they are read once

template <class T>
struct Rows {
  T* out;
  const T* in;
  const T* weight;  // may be null
  float epsilon;
  int size;
};

template <class T, int WIDTH>
GFX_DEVICE float squares(const Pack<T, WIDTH>& pack, float sum) {
#pragma unroll
  for (int i = 0; i < WIDTH; i++) sum = fma_(to_float(pack.v[i]), to_float(pack.v[i]), sum);
  return sum;
}

template <class T, int WIDTH>
GFX_DEVICE Pack<T, WIDTH> scaled(const Pack<T, WIDTH>& in, float by, const T* weight,
                                 const Pack<T, WIDTH>& factor) {
  Pack<T, WIDTH> out;
#pragma unroll
  for (int i = 0; i < WIDTH; i++) {
    float v = to_float(in.v[i]) * by;
    out.v[i] = from_float<T>(weight ? v * to_float(factor.v[i]) : v);
  }
  return out;
}

// SHARERS threads share the row, `me` is this one; a row that is not `live` is only counted.
template <class T, int WIDTH, int SHARERS>
GFX_DEVICE void normalise(const Rows<T>& row, int me, bool live, float* shared) {
  constexpr int STEP = SHARERS * WIDTH;
  int size = live ? row.size : 0;
  Pack<T, WIDTH> kept[KEPT] = {}, factors[KEPT] = {};
  float sum = 0.0f;
  next_launch_may_start();
#pragma unroll
  for (int i = 0; i < KEPT; i++) {
    int at = i * STEP + me * WIDTH;
    if (row.weight && at < size) prefetch(row.weight + at);
  }
  previous_launch_done();
#pragma unroll
  for (int i = 0; i < KEPT; i++) {
    int at = i * STEP + me * WIDTH;
    if (at < size) {
      kept[i] = load<T, WIDTH>(row.in + at);
      if (row.weight) factors[i] = load<T, WIDTH>(row.weight + at);
      sum = squares(kept[i], sum);
    }
  }
  for (int at = KEPT * STEP + me * WIDTH; at < size; at += STEP)
    sum = squares(load<T, WIDTH>(row.in + at), sum);
  sum = row_sum<SHARERS>(sum, shared);
  float by = 1.0f / sqrt_(sum / (float)row.size + row.epsilon);
#pragma unroll
  for (int i = 0; i < KEPT; i++) {
    int at = i * STEP + me * WIDTH;
    if (at < size) store(row.out + at, scaled(kept[i], by, row.weight, factors[i]));
  }
  for (int at = KEPT * STEP + me * WIDTH; at < size; at += STEP) {
    Pack<T, WIDTH> factor = {};
    if (row.weight) factor = load<T, WIDTH>(row.weight + at);
    store(row.out + at, scaled(load<T, WIDTH>(row.in + at), by, row.weight, factor));
  }
}

// Row r is row r % inner of part r / inner of the input; the output has no gaps. `alike` rows in
// turn have the same weight.
template <class T, int WIDTH, int SHARERS, int BLOCK>
GFX_DEVICE void rms_norm(T* out, const T* in, const T* weight, float epsilon, int size, int rows,
                         int alike, int inner, i64 outer_stride, i64 inner_stride) {
  GFX_SHARED float shared[BLOCK / GFX_WAVE];
  constexpr int ROWS = BLOCK / SHARERS;
  int r = block_id() * ROWS + thread_id() / SHARERS;
  bool live = r < rows;
  int at = live ? r : 0;
  const T* from = in + (at / inner) * outer_stride + (at % inner) * inner_stride;
  const T* factors = weight ? weight + (i64)(at / alike) * size : weight;
  Rows<T> row = {out + (i64)at * size, from, factors, epsilon, size};
  normalise<T, WIDTH, SHARERS>(row, thread_id() % SHARERS, live, shared);
}

#define KERNEL(NAME, T, WIDTH, SHARERS, BLOCK)                                                    \
  extern "C" GFX_KERNEL(BLOCK)                                                                    \
      NAME(T* out, const T* in, const T* weight, float epsilon, int size, int rows, int alike,    \
           int inner, i64 outer_stride, i64 inner_stride) {                                       \
    rms_norm<T, WIDTH, SHARERS, BLOCK>(out, in, weight, epsilon, size, rows, alike, inner,        \
                                       outer_stride, inner_stride);                               \
  }
#define KERNELS(TYPE, T)                                           \
  KERNEL(rms_norm_##TYPE, T, WIDEST<T>, THREADS, THREADS)          \
  KERNEL(rms_norm_##TYPE##_short, T, WIDEST<T>, 32, SHORT_THREADS) \
  KERNEL(rms_norm_##TYPE##_odd, T, 1, THREADS, THREADS)
KERNELS(f16, f16)
KERNELS(bf16, bf16)
KERNELS(f32, float)
