/* python3.dll: nothing but forwarders to python311.dll, which the definition file lists. */
int DllMainCRTStartup(void *module, unsigned reason, void *reserved) { return 1; }
