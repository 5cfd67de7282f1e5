/* HIP's module interface with the host's memory for a device: what gfx_kernels.runtime calls.
 *
 * Names, argument types and error codes are those of hip_runtime_api.h. Arguments of a launch are
 * read through `kernelParams` and laid out as the code object says, implicit ones included, like
 * AMD's runtime does; what executes the result is a callback (see __init__.py).
 */
#include <stddef.h>
#include <stdint.h>

/* Of the C library; declared here because its headers are not found where none is linked. */
void *calloc(size_t count, size_t size);
void free(void *memory);
void *memcpy(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);
int strcmp(const char *a, const char *b);
char *strncpy(char *to, const char *from, size_t size);

#ifdef _WIN32
#define API __declspec(dllexport)
#else
#define API __attribute__((visibility("default")))
#endif

enum { SUCCESS = 0, INVALID_VALUE = 1, CAPTURE_UNSUPPORTED = 900 };
enum { MAX_GRID_X = 0x7fffffff, MAX_GRID_YZ = 65536 }; /* AMD's runtime checks these, not the device */
enum { GLOBAL = 0, RELAXED = 2 };

/* What an argument is; the order of IMPLICIT in __init__.py. */
enum {
  EXPLICIT, BLOCK_COUNT_X, BLOCK_COUNT_Y, BLOCK_COUNT_Z, GROUP_SIZE_X, GROUP_SIZE_Y, GROUP_SIZE_Z,
  REMAINDER_X, REMAINDER_Y, REMAINDER_Z, GRID_DIMS, DYNAMIC_LDS, ZERO
};

struct argument { uint32_t offset, size, kind; };
struct function {
  int32_t id, max_threads, lds, max_dynamic_lds;
  uint32_t kernarg_size, count;
  struct argument arguments[64];
};
struct launch { int32_t id; uint32_t grid[3], block[3], shared; void *stream; };

/* The thread's capture mode. On Windows no C runtime is linked: zig takes a minute to make it. */
#ifdef _WIN32
__declspec(dllimport) unsigned long TlsAlloc(void);
__declspec(dllimport) void *TlsGetValue(unsigned long slot);
__declspec(dllimport) int TlsSetValue(unsigned long slot, void *value);
static unsigned long mode_slot;
int start(void *library, unsigned long reason, void *reserved) {
  (void)library; (void)reserved;
  if (reason == 1) mode_slot = TlsAlloc();
  return 1;
}
static int get_mode(void) { return (int)(intptr_t)TlsGetValue(mode_slot); }
static void set_mode(int mode) { TlsSetValue(mode_slot, (void *)(intptr_t)mode); }
#else
static _Thread_local int capture_mode;
static int get_mode(void) { return capture_mode; }
static void set_mode(int mode) { capture_mode = mode; }
#endif

typedef int (*load_fn)(const void *image, size_t size, void **module);
typedef int (*find_fn)(void *module, const char *name, struct function *found);
typedef int (*launch_fn)(const struct launch *launch, const void *kernarg, size_t size);

static load_fn on_load;
static find_fn on_find;
static launch_fn on_launch;
static int capturing;
static char last_words[1024];

/* Failures to order: the code that the function of that name returns, 0 for none. */
static struct { const char *name; int code; } orders[] = {
  {"hipInit", 0}, {"hipModuleLoadData", 0}, {"hipModuleGetFunction", 0},
  {"hipFuncGetAttribute", 0}, {"hipModuleLaunchKernel", 0},
};
#define OBEY(i) do { if (orders[i].code) return orders[i].code; } while (0)

API int mock_fail(const char *name, int code) {
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
    if (!strcmp(orders[i].name, name)) { orders[i].code = code; return 0; }
  return -1;
}

API void mock_install(load_fn load, find_fn find, launch_fn launch) {
  on_load = load; on_find = find; on_launch = launch;
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) orders[i].code = 0;
  capturing = 0; last_words[0] = 0;
}

API void mock_capture(int on) { capturing = on; }
API int mock_capture_mode(void) { return get_mode(); }
API void mock_say(const char *words) { strncpy(last_words, words, sizeof last_words - 1); }

API int hipInit(unsigned flags) { OBEY(0); return flags ? INVALID_VALUE : SUCCESS; }

API const char *hipGetErrorString(int code) {
  switch (code) {
  case SUCCESS: return "no error";
  case INVALID_VALUE: return "invalid argument";
  case 2: return "out of memory";
  case 100: return "no ROCm-capable device is detected";
  case 200: return "device kernel image is invalid";
  case 209: return "no kernel image is available for execution on the device";
  case 500: return "named symbol not found";
  case 719: return last_words[0] ? last_words : "unspecified launch failure";
  case CAPTURE_UNSUPPORTED: return "operation not permitted when stream is capturing";
  default: return "unknown error";
  }
}

API int hipThreadExchangeStreamCaptureMode(int *mode) {
  int before = get_mode();
  if (*mode < GLOBAL || *mode > RELAXED) return INVALID_VALUE;
  set_mode(*mode); *mode = before;
  return SUCCESS;
}

/* Bytes of a 64-bit little-endian ELF file, of which the section headers are the end. */
static size_t elf_size(const unsigned char *image) {
  uint64_t offset; uint16_t size, count;
  memcpy(&offset, image + 40, 8); memcpy(&size, image + 58, 2); memcpy(&count, image + 60, 2);
  return memcmp(image, "\177ELF\2\1", 6) ? 0 : offset + (uint64_t)size * count;
}

API int hipModuleLoadData(void **module, const void *image) {
  OBEY(1);
  if (!module || !image) return INVALID_VALUE;
  if (capturing && get_mode() != RELAXED) return CAPTURE_UNSUPPORTED;
  return on_load(image, elf_size(image), module);
}

API int hipModuleGetFunction(void **function, void *module, const char *name) {
  OBEY(2);
  struct function *found = calloc(1, sizeof *found);
  int code = on_find(module, name, found);
  if (code) { free(found); return code; }
  *function = found;
  return SUCCESS;
}

API int hipFuncGetAttribute(int *value, int attribute, const struct function *function) {
  OBEY(3);
  switch (attribute) {
  case 0: *value = function->max_threads; return SUCCESS;
  case 1: *value = function->lds; return SUCCESS;
  case 8: *value = function->max_dynamic_lds; return SUCCESS;
  default: return INVALID_VALUE;
  }
}

static void put(unsigned char *kernarg, const struct argument *a, uint64_t value) {
  memcpy(kernarg + a->offset, &value, a->size < 8 ? a->size : 8);
}

static uint64_t implicit(uint32_t kind, const struct launch *l) {
  switch (kind) {
  case BLOCK_COUNT_X: case BLOCK_COUNT_Y: case BLOCK_COUNT_Z: return l->grid[kind - BLOCK_COUNT_X];
  case GROUP_SIZE_X: case GROUP_SIZE_Y: case GROUP_SIZE_Z: return l->block[kind - GROUP_SIZE_X];
  case GRID_DIMS: return l->grid[2] * l->block[2] > 1 ? 3 : l->grid[1] * l->block[1] > 1 ? 2 : 1;
  case DYNAMIC_LDS: return l->shared;
  default: return 0; /* remainders too: the grid is whole blocks here */
  }
}

API int hipModuleLaunchKernel(const struct function *f, unsigned gx, unsigned gy, unsigned gz,
                              unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream,
                              void **params, void **extra) {
  OBEY(4);
  struct launch l = {f->id, {gx, gy, gz}, {bx, by, bz}, shared, stream};
  unsigned char kernarg[4096] = {0};
  uint32_t explicit_index = 0;
  if (extra || f->kernarg_size > sizeof kernarg) return INVALID_VALUE;
  if (!gx || !gy || !gz || !bx || !by || !bz) return INVALID_VALUE;
  if (gx > MAX_GRID_X || gy > MAX_GRID_YZ || gz > MAX_GRID_YZ) return INVALID_VALUE;
  if ((uint64_t)bx * by * bz > (uint64_t)f->max_threads) return INVALID_VALUE;
  for (uint32_t i = 0; i < f->count; i++) {
    const struct argument *a = &f->arguments[i];
    if (a->kind == EXPLICIT) memcpy(kernarg + a->offset, params[explicit_index++], a->size);
    else put(kernarg, a, implicit(a->kind, &l));
  }
  return on_launch ? on_launch(&l, kernarg, f->kernarg_size) : SUCCESS;
}
