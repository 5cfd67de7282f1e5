// Rotate pairs of numbers of every head by the angle of the token's position, in place; float32
// inside. Neox style pairs (i, half + i), the other (2i, 2i + 1). One or more blocks per token.
#include "gfx.h"

constexpr int THREADS = 256;

// The rotated heads of one token: `per_head` units of WIDTH pairs each.
template <class T>
struct Heads {
  T* first;
  i64 stride;
  int count;
};

// WIDTH numbers as float32, whatever they are stored as.
template <class C, int WIDTH>
GFX_DEVICE void load_floats(const C* from, float* to) {
  constexpr int EACH = WIDTH < WIDEST<C> ? WIDTH : WIDEST<C>;
#pragma unroll
  for (int i = 0; i < WIDTH / EACH; i++) {
    Pack<C, EACH> pack = load<C, EACH>(from + i * EACH);
#pragma unroll
    for (int j = 0; j < EACH; j++) to[i * EACH + j] = to_float(pack.v[j]);
  }
}

// Rotate WIDTH pairs: two packs, which hold first and second numbers, or whole pairs.
template <class T, int WIDTH>
GFX_DEVICE void rotate(T* at, T* then, bool neox, const float* cosine, const float* sine) {
  Pack<T, WIDTH> a = load<T, WIDTH>(at), b = load<T, WIDTH>(then);
  float x[WIDTH], y[WIDTH];
#pragma unroll
  for (int i = 0; i < WIDTH; i++) {
    int even = 2 * i, odd = 2 * i + 1;
    T in_pair = even < WIDTH ? a.v[even % WIDTH] : b.v[even % WIDTH];
    T its_other = odd < WIDTH ? a.v[odd % WIDTH] : b.v[odd % WIDTH];
    float first = to_float(neox ? a.v[i] : in_pair), second = to_float(neox ? b.v[i] : its_other);
    x[i] = first * cosine[i] - second * sine[i];
    y[i] = second * cosine[i] + first * sine[i];
  }
#pragma unroll
  for (int i = 0; i < WIDTH; i++) {
    int low = i / 2, high = (WIDTH + i) / 2;
    a.v[i] = from_float<T>(neox ? x[i] : (i % 2 ? y[low] : x[low]));
    b.v[i] = from_float<T>(neox ? y[i] : ((WIDTH + i) % 2 ? y[high] : x[high]));
  }
  store(at, a);
  store(then, b);
}

// A position outside the table makes the token's heads NaN: there is no angle for it.
template <class T, class C, int WIDTH>
GFX_DEVICE void rotary_embedding(const i64* positions, Heads<T> query, Heads<T> key, const C* table,
                                 int half, int rows, bool neox, bool inverse, int blocks) {
  overlap_launches();
  i64 position = positions[block_id()];
  bool known = position >= 0 && position < rows;
  const C* angles = table + (known ? position : 0) * (2 * half);
  float poison = known ? 0.0f : bits<float>(0x7fc00000u);
  int per_head = half / WIDTH;
  int units = (query.count + key.count) * per_head;
  for (int unit = block_id_y() * THREADS + thread_id(); unit < units; unit += blocks * THREADS) {
    int head = unit / per_head, pair = unit % per_head * WIDTH;
    float cosine[WIDTH], sine[WIDTH];
    load_floats<C, WIDTH>(angles + pair, cosine);
    load_floats<C, WIDTH>(angles + half + pair, sine);
#pragma unroll
    for (int i = 0; i < WIDTH; i++) {
      cosine[i] += poison;
      sine[i] = inverse ? -sine[i] : sine[i];
    }
    T* start = head < query.count ? query.first + head * query.stride
                                  : key.first + (head - query.count) * key.stride;
    T* at = start + (neox ? pair : 2 * pair);
    rotate<T, WIDTH>(at, at + (neox ? half : WIDTH), neox, cosine, sine);
  }
}

#define KERNEL(NAME, T, C, WIDTH)                                                                 \
  extern "C" GFX_KERNEL(THREADS)                                                                  \
      NAME(const i64* positions, T* query, T* key, const C* table, i64 query_stride,              \
           i64 query_head, i64 key_stride, i64 key_head, int heads, int key_heads, int half,      \
           int rows, int neox, int inverse, int blocks) {                                         \
    Heads<T> q = {query + block_id() * query_stride, query_head, heads};                          \
    Heads<T> k = {key + block_id() * key_stride, key_head, key_heads};                            \
    rotary_embedding<T, C, WIDTH>(positions, q, k, table, half, rows, neox != 0, inverse != 0,    \
                                  blocks);                                                        \
  }
// `_c32`: a table in float32 for heads in less.
#define KERNELS(SUFFIX, T, C)                                  \
  KERNEL(rotary_embedding_##SUFFIX, T, C, WIDEST<T>)           \
  KERNEL(rotary_embedding_##SUFFIX##_odd, T, C, 1)
KERNELS(f16, f16, f16)
KERNELS(bf16, bf16, bf16)
KERNELS(f32, float, float)
KERNELS(f16_c32, f16, float)
KERNELS(bf16_c32, bf16, float)
