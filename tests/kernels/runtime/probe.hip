// Kernels that show what the loader passed: every kind of argument, in an order that needs padding,
// and what a kernel may ask of its launch.
#define KERNEL extern "C" __attribute__((global))

#if defined(__CUDACC__)
#define THREAD ((int)threadIdx.x)
#define BLOCK ((int)blockIdx.x)
#define BLOCK_SIZE ((int)blockDim.x)
#else
#define THREAD ((int)__builtin_amdgcn_workitem_id_x())
#define BLOCK ((int)__builtin_amdgcn_workgroup_id_x())
#define BLOCK_SIZE ((int)__builtin_amdgcn_workgroup_size_x())
#endif

// A launch with `overlap` begins while the kernel before it runs: from here on that one is done.
static __attribute__((device)) void wait_for_previous() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// out[i] = x[i] * scale + bias, for i < n
KERNEL void probe_axpb(float *out, const float *x, int n, float scale, float bias) {
  wait_for_previous();
  int i = BLOCK * BLOCK_SIZE + THREAD;
  if (i < n) out[i] = x[i] * scale + bias;
}

// One block of one thread: each argument as a 64-bit number.
KERNEL void probe_arguments(long long *out, int i, long long l, unsigned u, float f, int j) {
  out[0] = i;
  out[1] = l;
  out[2] = u;
  out[3] = (long long)(f * 1024.0f);
  out[4] = j;
}

KERNEL void probe_nothing() {}
