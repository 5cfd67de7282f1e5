// The vocabulary of our kernels: one source for AMD GPUs (clang, no ROCm headers, no device
// libraries) and for NVIDIA GPUs (nvcc). The two differ only in this file.
#pragma once

#if defined(__AMDGCN__)
#define GFX_AMD 1
#elif defined(__CUDACC__)
#define GFX_NVIDIA 1
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#else
#error "compile for the device only: zig clang -x hip --cuda-device-only, or nvcc"
#endif

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// ---- kernels, functions, memory --------------------------------------------------------------

#if GFX_AMD
#define GFX_DEVICE static inline __attribute__((device, always_inline))
#define GFX_MEMBER inline __attribute__((device, always_inline))
#define GFX_KERNEL(threads) \
  __attribute__((global, amdgpu_flat_work_group_size(threads, threads))) void
#define GFX_SHARED static __attribute__((shared))
// For kernels that live off waves in flight: the compiler is to leave registers and LDS for so many
// on a SIMD.
#if __GFX9__
#define GFX_WAVES 3
#else
#define GFX_WAVES 10
#endif
#define GFX_STREAMING_KERNEL(threads)                                   \
  __attribute__((global, amdgpu_flat_work_group_size(threads, threads), \
                 amdgpu_waves_per_eu(GFX_WAVES))) void
#if __GFX9__
#define GFX_WAVE 64
#else
#define GFX_WAVE 32
#endif
typedef _Float16 f16;
typedef __bf16 bf16;
typedef f16 f16x2 __attribute__((ext_vector_type(2)));
typedef bf16 bf16x2 __attribute__((ext_vector_type(2)));
typedef u32 u32x2 __attribute__((ext_vector_type(2)));
typedef u32 u32x4 __attribute__((ext_vector_type(4)));
#else
#define GFX_DEVICE static __device__ __forceinline__
#define GFX_MEMBER __device__ __forceinline__
#define GFX_KERNEL(threads) __global__ void __launch_bounds__(threads)
#define GFX_STREAMING_KERNEL(threads) __global__ void __launch_bounds__(threads, 1024 / threads)
#define GFX_SHARED __shared__
#define GFX_WAVE 32
typedef __half f16;
typedef __nv_bfloat16 bf16;
typedef __half2 f16x2;
typedef __nv_bfloat162 bf16x2;
typedef uint2 u32x2;
typedef uint4 u32x4;
#endif

// ---- who and where ---------------------------------------------------------------------------

#if GFX_AMD
GFX_DEVICE int thread_id() { return (int)__builtin_amdgcn_workitem_id_x(); }
GFX_DEVICE int block_id() { return (int)__builtin_amdgcn_workgroup_id_x(); }
GFX_DEVICE int block_id_y() { return (int)__builtin_amdgcn_workgroup_id_y(); }
GFX_DEVICE void sync_block() {
  __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
  __builtin_amdgcn_s_barrier();
  __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}
#else
GFX_DEVICE int thread_id() { return (int)threadIdx.x; }
GFX_DEVICE int block_id() { return (int)blockIdx.x; }
GFX_DEVICE int block_id_y() { return (int)blockIdx.y; }
GFX_DEVICE void sync_block() { __syncthreads(); }
#endif
GFX_DEVICE int lane_id() { return thread_id() & (GFX_WAVE - 1); }
GFX_DEVICE int wave_id() { return thread_id() / GFX_WAVE; }

// Where launches may overlap (NVIDIA's programmatic dependent launch): nothing that the launch
// before this one wrote may be read before `previous_launch_done`. Elsewhere both do nothing.
GFX_DEVICE void previous_launch_done() {
#if GFX_NVIDIA
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
GFX_DEVICE void next_launch_may_start() {
#if GFX_NVIDIA
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
// Bring the line of `at` to the cache that all processors share. A launch may, before it waits, also
// where the launch before it writes there: nothing is read.
#if GFX_NVIDIA
GFX_DEVICE void prefetch(const void* at) { asm volatile("prefetch.global.L2 [%0];" ::"l"(at)); }
#else
GFX_DEVICE void prefetch(const void*) {}
#endif
// For kernels that have nothing to do before: the next one may, and each costs less to start.
GFX_DEVICE void overlap_launches() {
  next_launch_may_start();
  previous_launch_done();
}

// The sums so far are computed here, before anything is read that stands below. The compiler would
// else begin with all the loads of an unrolled loop, which takes registers that waves need.
template <int N>
GFX_DEVICE void settle(float (&sums)[N]) {
#if GFX_AMD
#pragma unroll
  for (int i = 0; i < N; i++) asm volatile("" : "+v"(sums[i])::"memory");
#endif
}

// A constant kept in a register. gfx9 has no room for one in an instruction of three operands, and
// the compiler would then make two instructions of it; one of three may be a scalar register.
GFX_DEVICE u32 in_vector(u32 v) {
#if __GFX9__
  asm volatile("" : "+v"(v));
#endif
  return v;
}
GFX_DEVICE u32 in_scalar(u32 v) {
#if __GFX9__
  asm volatile("" : "+s"(v));
#endif
  return v;
}

// ---- bits and numbers ------------------------------------------------------------------------

template <class To, class From>
GFX_DEVICE To bits(From from) {
  static_assert(sizeof(To) == sizeof(From), "bits() keeps the size");
  To to;
  __builtin_memcpy(&to, &from, sizeof(To));
  return to;
}

GFX_DEVICE float to_float(float v) { return v; }
#if GFX_AMD
GFX_DEVICE float to_float(f16 v) { return (float)v; }
GFX_DEVICE float to_float(bf16 v) { return bits<float>((u32)bits<u16>(v) << 16); }
#else
GFX_DEVICE float to_float(f16 v) { return __half2float(v); }
GFX_DEVICE float to_float(bf16 v) { return __bfloat162float(v); }
#endif

GFX_DEVICE void round_to(float v, float* to) { *to = v; }
#if GFX_AMD
GFX_DEVICE void round_to(float v, f16* to) { *to = (f16)v; }
GFX_DEVICE void round_to(float v, bf16* to) { *to = (bf16)v; }
#else
GFX_DEVICE void round_to(float v, f16* to) { *to = __float2half_rn(v); }
GFX_DEVICE void round_to(float v, bf16* to) { *to = __float2bfloat16_rn(v); }
#endif
template <class T>
GFX_DEVICE T from_float(float v) {  // to nearest, ties to even
  T to;
  round_to(v, &to);
  return to;
}

#if GFX_AMD
GFX_DEVICE float fma_(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
GFX_DEVICE float exp_(float v) { return __builtin_expf(v); }
GFX_DEVICE float sqrt_(float v) { return __builtin_sqrtf(v); }
#else
GFX_DEVICE float fma_(float a, float b, float c) { return fmaf(a, b, c); }
GFX_DEVICE float exp_(float v) { return expf(v); }
GFX_DEVICE float sqrt_(float v) { return sqrtf(v); }
#endif

// a.x * b.x + a.y * b.y + c for the two halves packed in a word, summed in float32.
GFX_DEVICE float dot2_f16(u32 a, u32 b, float c) {
#if GFX_AMD
  return __builtin_amdgcn_fdot2(bits<f16x2>(a), bits<f16x2>(b), c, false);
#else
  float2 x = __half22float2(bits<f16x2>(a)), y = __half22float2(bits<f16x2>(b));
  return fmaf(x.y, y.y, fmaf(x.x, y.x, c));
#endif
}
GFX_DEVICE float dot2_bf16(u32 a, u32 b, float c) {
#if __GFX11__ || __GFX12__
  return __builtin_amdgcn_fdot2_f32_bf16(bits<bf16x2>(a), bits<bf16x2>(b), c, false);
#else  // a bf16 is the upper half of a float32
  c = fma_(bits<float>(a << 16), bits<float>(b << 16), c);
  return fma_(bits<float>(a & 0xffff0000u), bits<float>(b & 0xffff0000u), c);
#endif
}

// ---- memory, 16 bytes at a time ----------------------------------------------------------------

GFX_DEVICE u32x4 load128(const void* p) { return *(const u32x4*)p; }
GFX_DEVICE void store128(void* p, u32x4 v) { *(u32x4*)p = v; }
// For data that is read once: asks the caches not to keep it.
GFX_DEVICE u32x4 stream128(const void* p) {
#if GFX_AMD
  return __builtin_nontemporal_load((const u32x4*)p);
#else
  u32x4 v;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p));
  return v;
#endif
}

// ---- lanes of a wave, waves of a block ---------------------------------------------------------

// The value of lane `lane_id() ^ MASK`; every lane of the wave must take part.
template <int MASK>
GFX_DEVICE float shuffle_xor(float v) {
#if GFX_NVIDIA
  return __shfl_xor_sync(0xffffffffu, v, MASK);
#else
  if constexpr (MASK < 32)
    return bits<float>(__builtin_amdgcn_ds_swizzle(bits<int>(v), 0x1f | (MASK << 10)));
  else
    return bits<float>(__builtin_amdgcn_ds_bpermute((lane_id() ^ MASK) << 2, bits<int>(v)));
#endif
}
// Sum over the wave, the same in every lane and in every run.
GFX_DEVICE float wave_sum(float v) {
  v += shuffle_xor<1>(v);
  v += shuffle_xor<2>(v);
  v += shuffle_xor<4>(v);
  v += shuffle_xor<8>(v);
  v += shuffle_xor<16>(v);
#if GFX_WAVE == 64
  v += shuffle_xor<32>(v);
#endif
  return v;
}
// Sum over a block of THREADS; `shared` holds THREADS / GFX_WAVE floats. Every thread must call it.
template <int THREADS>
GFX_DEVICE float block_sum(float v, float* shared) {
  constexpr int waves = THREADS / GFX_WAVE;
  v = wave_sum(v);
  if constexpr (waves == 1) return v;
  if (lane_id() == 0) shared[wave_id()] = v;
  sync_block();
  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < waves; i++) sum += shared[i];
  sync_block();  // `shared` may be used again
  return sum;
}

// ---- rows of numbers: what the kernels of small ops share ----------------------------------------

// WIDTH numbers that lie together and are loaded at once; 16 bytes, or one number where sizes and
// addresses do not allow more.
template <class T>
constexpr int WIDEST = 16 / sizeof(T);
template <class T, int WIDTH>
struct Pack {
  T v[WIDTH];
};
template <class T, int WIDTH>
GFX_DEVICE Pack<T, WIDTH> load(const T* from) {
  typedef Pack<T, WIDTH> P;
  if constexpr (WIDTH > 1 && sizeof(P) == 16)
    return bits<P>(load128(from));
  else if constexpr (WIDTH > 1 && sizeof(P) == 8)
    return bits<P>(*(const u32x2*)from);
  else if constexpr (WIDTH > 1 && sizeof(P) == 4)
    return bits<P>(*(const u32*)from);
  else
    return *(const P*)from;
}
template <class T, int WIDTH>
GFX_DEVICE void store(T* to, const Pack<T, WIDTH>& pack) {
  constexpr int BYTES = sizeof(pack);
  if constexpr (WIDTH > 1 && BYTES == 16)
    store128(to, bits<u32x4>(pack));
  else if constexpr (WIDTH > 1 && BYTES == 8)
    *(u32x2*)to = bits<u32x2>(pack);
  else if constexpr (WIDTH > 1 && BYTES == 4)
    *(u32*)to = bits<u32>(pack);
  else
    *(Pack<T, WIDTH>*)to = pack;
}

// Sum over 32 neighbouring lanes, a wave or half of one; all lanes of the wave must call it.
GFX_DEVICE float sum_of_32_lanes(float v) {
  v += shuffle_xor<1>(v);
  v += shuffle_xor<2>(v);
  v += shuffle_xor<4>(v);
  v += shuffle_xor<8>(v);
  return v + shuffle_xor<16>(v);
}
// Sum over the THREADS that share a row: 32 lanes, or a block, which then needs `shared`.
template <int THREADS>
GFX_DEVICE float row_sum(float v, float* shared) {
  if constexpr (THREADS == 32)
    return sum_of_32_lanes(v);
  else
    return block_sum<THREADS>(v, shared);
}

// The complementary error function, 1 - erf(v), to a relative error of 1.2e-7: the Chebyshev fit of
// Press, Teukolsky, Vetterling and Flannery, Numerical Recipes in C, 2nd edition, section 6.2.
GFX_DEVICE float erfc_(float v) {
  float size = v < 0.0f ? -v : v;
  float t = 1.0f / fma_(0.5f, size, 1.0f);
  float p = 0.17087277f;
  p = fma_(p, t, -0.82215223f);
  p = fma_(p, t, 1.48851587f);
  p = fma_(p, t, -1.13520398f);
  p = fma_(p, t, 0.27886807f);
  p = fma_(p, t, -0.18628806f);
  p = fma_(p, t, 0.09678418f);
  p = fma_(p, t, 0.37409196f);
  p = fma_(p, t, 1.00002368f);
  p = fma_(p, t, -1.26551223f);
  float tail = t * exp_(fma_(-size, size, p));
  return v < 0.0f ? 2.0f - tail : tail;
}
