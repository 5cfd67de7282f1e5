// Logits of tokens that the prompt or the output holds: divided by the request's penalty where they
// are above zero, multiplied by it elsewhere. Other logits are neither read nor written.
#include "gfx.h"

constexpr int THREADS = 256;  // a block looks at THREADS packs of one request

template <class T, int WIDTH>
GFX_DEVICE void penalise(T* logits, const u8* prompt, const u8* output, const T* penalties,
                         int vocab, i64 logits_stride, i64 prompt_stride, i64 output_stride) {
  int request = block_id(), at = (block_id_y() * THREADS + thread_id()) * WIDTH;
  if (at >= vocab) return;
  Pack<u8, WIDTH> a = load<u8, WIDTH>(prompt + request * prompt_stride + at);
  Pack<u8, WIDTH> b = load<u8, WIDTH>(output + request * output_stride + at);
  bool any = false;
#pragma unroll
  for (int i = 0; i < WIDTH; i++) any = any || a.v[i] || b.v[i];
  if (!any) return;
  T* place = logits + request * logits_stride + at;
  float penalty = to_float(penalties[request]);
  Pack<T, WIDTH> values = load<T, WIDTH>(place);
#pragma unroll
  for (int i = 0; i < WIDTH; i++) {
    float v = to_float(values.v[i]);
    if (a.v[i] || b.v[i]) values.v[i] = from_float<T>(v > 0.0f ? v / penalty : v * penalty);
  }
  store(place, values);
}

#define KERNEL(NAME, T, WIDTH)                                                                   \
  extern "C" GFX_KERNEL(THREADS)                                                                 \
      NAME(T* logits, const u8* prompt, const u8* output, const T* penalties, int vocab,         \
           i64 logits_stride, i64 prompt_stride, i64 output_stride) {                            \
    penalise<T, WIDTH>(logits, prompt, output, penalties, vocab, logits_stride, prompt_stride,   \
                       output_stride);                                                           \
  }
#define KERNELS(TYPE, T)                                    \
  KERNEL(apply_repetition_penalties_##TYPE, T, WIDEST<T>)   \
  KERNEL(apply_repetition_penalties_##TYPE##_odd, T, 1)
KERNELS(f16, f16)
KERNELS(bf16, bf16)
KERNELS(f32, float)
