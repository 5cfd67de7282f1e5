// out = silu(gate) * up, silu(v) = v / (1 + exp(-v)).
#include "gated.h"

struct Silu {
  GFX_DEVICE float of(float v) { return v / (1.0f + exp_(-v)); }
};
GATED_KERNELS(silu_and_mul, Silu)
