/* The functions of pdh.dll that vllm_gfx.vram calls, on rows that a test sets.
 *
 * Built for Windows it takes its types and prototypes from that system's own pdh.h, so a wrong
 * layout on the Python side shows; on Linux from the lines below, for the same tests without Wine.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
#include <windows.h>
#include <pdh.h>
#include <pdhmsg.h>
#define EXPORT __declspec(dllexport)
int start(void) { return 1; } /* the DLL's entry: there is no C runtime to start */
#else
#define EXPORT __attribute__((visibility("default")))
#define WINAPI
typedef uint32_t DWORD;
typedef int32_t PDH_STATUS;
typedef uintptr_t DWORD_PTR;
typedef void *HANDLE, *PDH_HQUERY, *PDH_HCOUNTER;
typedef wchar_t *LPWSTR;
typedef const wchar_t *LPCWSTR;
typedef struct {
    DWORD CStatus;
    union {
        int32_t longValue;
        double doubleValue;
        int64_t largeValue;
        const char *AnsiStringValue;
    };
} PDH_FMT_COUNTERVALUE;
typedef struct {
    LPWSTR szName;
    PDH_FMT_COUNTERVALUE FmtValue;
} PDH_FMT_COUNTERVALUE_ITEM_W;
#define PDH_FMT_LARGE 0x400
#define PDH_MORE_DATA ((PDH_STATUS)0x800007D2)
#define PDH_CSTATUS_NO_OBJECT ((PDH_STATUS)0xC0000BB8)
#define PDH_INVALID_HANDLE ((PDH_STATUS)0xC0000BBC)
#define PDH_INVALID_ARGUMENT ((PDH_STATUS)0xC0000BBD)
#endif

enum { ROWS = 64, PATHS = 8, LENGTH = 128 };
static struct row { int counter; wchar_t instance[LENGTH]; DWORD status; int64_t value; } rows[ROWS];
static wchar_t known[PATHS][LENGTH];
static int row_count, path_count, open_queries, collected;
static PDH_STATUS answer; /* of PdhCollectQueryData */

static size_t length(const wchar_t *text) {
    size_t count = 0;
    while (text[count]) count++;
    return count;
}

static void copy(wchar_t *to, const wchar_t *from) {
    do *to++ = *from;
    while (*from++);
}

static int equal(const wchar_t *a, const wchar_t *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

static int find(LPCWSTR path) {
    for (int i = 0; i < path_count; i++)
        if (equal(known[i], path)) return i;
    return -1;
}

EXPORT void fake_clear(uint32_t collect) {
    row_count = path_count = open_queries = 0;
    answer = (PDH_STATUS)collect;
}

EXPORT void fake_add(const wchar_t *path, const wchar_t *instance, uint32_t status, int64_t value) {
    int counter = find(path);
    if (counter < 0) copy(known[counter = path_count++], path);
    if (!instance) return;
    rows[row_count].counter = counter;
    copy(rows[row_count].instance, instance);
    rows[row_count].status = status;
    rows[row_count++].value = value;
}

EXPORT int fake_open_queries(void) { return open_queries; }

EXPORT PDH_STATUS WINAPI PdhOpenQueryW(LPCWSTR source, DWORD_PTR user, PDH_HQUERY *query) {
    if (source || user || !query) return PDH_INVALID_ARGUMENT;
    *query = (PDH_HQUERY)(uintptr_t)0x1234567890; /* cut to 32 bits it is no handle of ours */
    open_queries++;
    collected = 0;
    return 0;
}

EXPORT PDH_STATUS WINAPI PdhAddEnglishCounterW(
    PDH_HQUERY query, LPCWSTR path, DWORD_PTR user, PDH_HCOUNTER *counter) {
    if (query != (PDH_HQUERY)(uintptr_t)0x1234567890) return PDH_INVALID_HANDLE;
    if (user) return PDH_INVALID_ARGUMENT;
    int found = find(path);
    if (found < 0) return PDH_CSTATUS_NO_OBJECT;
    *counter = (PDH_HCOUNTER)(uintptr_t)(0x5600000000 + found);
    return 0;
}

EXPORT PDH_STATUS WINAPI PdhCollectQueryData(PDH_HQUERY query) {
    if (query != (PDH_HQUERY)(uintptr_t)0x1234567890) return PDH_INVALID_HANDLE;
    collected = 1;
    return answer;
}

EXPORT PDH_STATUS WINAPI PdhGetFormattedCounterArrayW(
    PDH_HCOUNTER counter, DWORD format, DWORD *size, DWORD *count,
    PDH_FMT_COUNTERVALUE_ITEM_W *items) {
    uintptr_t wanted = (uintptr_t)counter - 0x5600000000;
    if (wanted >= (uintptr_t)path_count || !collected) return PDH_INVALID_HANDLE;
    if (format != PDH_FMT_LARGE) return PDH_INVALID_ARGUMENT;
    DWORD held = 0, needed = 0;
    for (int i = 0; i < row_count; i++)
        if ((uintptr_t)rows[i].counter == wanted) {
            held++;
            needed += sizeof(*items) + (DWORD)((length(rows[i].instance) + 1) * sizeof(wchar_t));
        }
    if (*size < needed) {
        *size = needed;
        *count = held;
        return PDH_MORE_DATA;
    }
    char *strings = (char *)(items + held);
    *count = 0;
    for (int i = 0; i < row_count; i++)
        if ((uintptr_t)rows[i].counter == wanted) {
            size_t bytes = (length(rows[i].instance) + 1) * sizeof(wchar_t);
            copy(items[*count].szName = (LPWSTR)strings, rows[i].instance);
            items[*count].FmtValue.CStatus = rows[i].status;
            items[(*count)++].FmtValue.largeValue = rows[i].value;
            strings += bytes;
        }
    return 0;
}

EXPORT PDH_STATUS WINAPI PdhCloseQuery(PDH_HQUERY query) {
    if (query != (PDH_HQUERY)(uintptr_t)0x1234567890) return PDH_INVALID_HANDLE;
    open_queries--;
    return 0;
}
