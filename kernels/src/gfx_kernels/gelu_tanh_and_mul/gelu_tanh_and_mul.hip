// out = gelu_tanh(gate) * up, gelu_tanh(v) = v / 2 * (1 + tanh(u)), u = sqrt(2 / pi) * (v + 0.044715
// v^3). Since (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)), no tanh is computed and nothing cancels.
#include "gated.h"

struct GeluTanh {
  GFX_DEVICE float of(float v) {
    float twice = 1.5957691216f * v * fma_(0.044715f * v, v, 1.0f);
    return v / (1.0f + exp_(-twice));
  }
};
GATED_KERNELS(gelu_tanh_and_mul, GeluTanh)
