// out = gelu(gate) * up, gelu(v) = v / 2 * erfc(-v / sqrt(2)): 1 + erf would cancel where v < 0.
#include "gated.h"

struct Gelu {
  GFX_DEVICE float of(float v) { return 0.5f * v * erfc_(v * -0.70710678f); }
};
GATED_KERNELS(gelu_and_mul, Gelu)
