/* bcryptprimitives.dll, which programs in Rust draw random numbers from and Wine 8 lacks. */
__declspec(dllimport) unsigned char SystemFunction036(void *buffer, unsigned size); /* RtlGenRandom */

__declspec(dllexport) int ProcessPrng(unsigned char *buffer, unsigned long long size) {
  return SystemFunction036(buffer, (unsigned)size);
}

int DllMainCRTStartup(void *module, unsigned reason, void *reserved) { return 1; }
