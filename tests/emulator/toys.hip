// Kernels of a few lines, each for one thing that the emulator does or has to catch.
#include "gfx.h"

// What is in memory stays there: nothing is kept in a register over this.
GFX_DEVICE void memory_is_touched() { asm volatile("" ::: "memory"); }

extern "C" GFX_KERNEL(128) add(const float* x, const float* y, float* out, int n) {
  int i = block_id() * 128 + thread_id();
  if (i < n) out[i] = x[i] + y[i];
}

// Reads one element past the end of x when n is one too large.
extern "C" GFX_KERNEL(64) copy16(const u32x4* x, u32x4* out, int n) {
  int i = block_id() * 64 + thread_id();
  if (i < n) out[i] = x[i];
}

extern "C" GFX_KERNEL(256) reverse_block(const u32* x, u32* out) {
  GFX_SHARED u32 held[256];
  held[thread_id()] = x[thread_id()];
  sync_block();
  out[thread_id()] = held[255 - thread_id()];
}

// As reverse_block, without its barrier.
extern "C" GFX_KERNEL(256) reverse_racing(const u32* x, u32* out) {
  GFX_SHARED u32 held[256];
  held[thread_id()] = x[thread_id()];
  memory_is_touched();
  out[thread_id()] = held[255 - thread_id()];
}

// A second round overwrites what other waves may still read.
extern "C" GFX_KERNEL(256) reverse_twice(const u32* x, u32* out, int barrier) {
  GFX_SHARED u32 held[256];
  for (int i = 0; i < 2; i++) {
    held[thread_id()] = x[thread_id()] + i;
    sync_block();
    out[i * 256 + thread_id()] = held[255 - thread_id()];
    memory_is_touched();
    if (barrier) sync_block();
  }
}

extern "C" GFX_KERNEL(256) same_place(u32* out) {
  GFX_SHARED u32 held[4];
  held[thread_id() & 3] = thread_id();
  sync_block();
  out[thread_id()] = held[0];
}

// Half of the words are never written.
extern "C" GFX_KERNEL(256) half_filled(u32* out) {
  GFX_SHARED u32 held[256];
  if (thread_id() < 128) held[thread_id()] = thread_id();
  sync_block();
  out[thread_id()] = held[255 - thread_id()];
}

extern "C" GFX_KERNEL(64) lds_at(u32* out, int at) {
  GFX_SHARED u32 held[64];
  held[at + thread_id()] = 1;
  memory_is_touched();
  out[thread_id()] = held[at + thread_id()];
}

// Only the first waves, or lanes, wait.
extern "C" GFX_KERNEL(256) some_wait(u32* out, int until) {
  if (__builtin_amdgcn_readfirstlane(thread_id()) < until) __builtin_amdgcn_s_barrier();
  out[thread_id()] = 1;
}
extern "C" GFX_KERNEL(256) lanes_wait(u32* out, int until) {
  if (thread_id() < until) {
    out[thread_id()] = 1;
    __builtin_amdgcn_s_barrier();
    out[thread_id()] = 2;
  }
}

extern "C" GFX_KERNEL(64) undefined(u32* out) {
  u32 junk;
  asm volatile("; %0 is never written" : "=v"(junk));
  out[thread_id()] = junk;
}

// Every lane goes round the loop as often as its number says.
extern "C" GFX_KERNEL(256) triangle(u32* out) {
  u32 sum = 0;
  for (u32 i = 1; i <= (u32)thread_id() + block_id(); i++) {
    sum += i * (1 + block_id());
    asm volatile("" : "+v"(sum));  // keeps the loop
  }
  out[block_id() * 256 + thread_id()] = sum;
}

extern "C" GFX_KERNEL(256) sums(const float* x, float* out, int n) {
  GFX_SHARED float parts[256 / GFX_WAVE];
  float sum = 0;
  for (int i = thread_id(); i < n; i += 256) sum += x[block_id() * n + i];
  for (int step = 1; step < GFX_WAVE; step *= 2)
    sum += bits<float>(__builtin_amdgcn_ds_bpermute((lane_id() ^ step) * 4, bits<int>(sum)));
  if (lane_id() == 0) parts[wave_id()] = sum;
  sync_block();
  if (thread_id() == 0) {
    for (int i = 1; i < 256 / GFX_WAVE; i++) sum += parts[i];
    out[block_id()] = sum;
  }
}

extern "C" GFX_KERNEL(64) half_floats(const f16x2* x, const f16x2* y, float* dots, f16x2* products) {
  int i = thread_id();
  products[i] = x[i] * y[i] + x[i];
  dots[i] = (float)x[i].x * (float)y[i].x + (float)x[i].y * (float)y[i].y;
}

extern "C" GFX_KERNEL(64) bf16s(const bf16* x, bf16* out) {
  float v = to_float(x[thread_id()]) * 3.0f;
  round_to(v, out + thread_id());
}

extern "C" GFX_KERNEL(64) widths(const u8* x, u8* out) {
  int i = thread_id();
  out[i] = x[i] + 1;
  ((short*)(out + 64))[i] = (short)((signed char*)x)[i] - 2;
  ((u64*)(out + 192))[i] = ((const u64*)(x + 64))[i] * 0x100000001b3ull;
}

extern "C" GFX_KERNEL(256) lane_moves(const u32* x, u32* out) {
  int i = thread_id();
  u32 v = x[i];
  out[i] = __builtin_amdgcn_readfirstlane(v);
  out[256 + i] = __builtin_amdgcn_readlane(v, 5);
  out[512 + i] = __builtin_amdgcn_update_dpp(0, v, 0x1b, 15, 15, false);   // quad_perm:[3,2,1,0]
  out[768 + i] = __builtin_amdgcn_update_dpp(7, v, 0x111, 15, 15, false);  // row_shr:1
  out[1024 + i] = __builtin_amdgcn_ds_swizzle(v, 0x401f);                  // lane ^ 16
  out[1280 + i] = __builtin_amdgcn_mov_dpp(v, 0x140, 15, 15, true);        // row_mirror
}

GFX_DEVICE u32 table_at(u32 i) {
  static const u32 table[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
  return table[i & 15];
}
extern "C" GFX_KERNEL(64) constants(u32* out) { out[thread_id()] = table_at(thread_id()); }

// Through a buffer of `bytes`: what lies outside of it loads as 0 and is not stored.
extern "C" GFX_KERNEL(64) buffered(u32* x, u32* out, int bytes) {
  __amdgpu_buffer_rsrc_t from = __builtin_amdgcn_make_buffer_rsrc(x, 0, bytes, 0);
  __amdgpu_buffer_rsrc_t to = __builtin_amdgcn_make_buffer_rsrc(out, 0, bytes, 0);
  u32x2 v = __builtin_amdgcn_raw_buffer_load_b64(from, thread_id() * 8, 0, 0);
  __builtin_amdgcn_raw_buffer_store_b64(v + 1, to, thread_id() * 8, 0, 0);
}

#if !__GFX9__
extern "C" GFX_KERNEL(64) rows_of_lanes(const u32* x, u32* out) {
  u32 v = x[thread_id()];
  out[thread_id()] = __builtin_amdgcn_permlane16(v, v, 0x76543210, 0xfedcba98, false, false);
  out[64 + thread_id()] = __builtin_amdgcn_permlanex16(v, v, 0x76543210, 0xfedcba98, false, false);
}
#endif
