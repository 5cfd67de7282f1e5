/* python.exe: what Python's own does, without a C runtime, which takes a minute to compile. */
typedef unsigned short wide;
__declspec(dllimport) wide *GetCommandLineW(void);
__declspec(dllimport) wide **CommandLineToArgvW(wide *line, int *count);
__declspec(dllimport) void ExitProcess(unsigned code);
__declspec(dllimport) int Py_Main(int count, wide **arguments);

void start(void) {
  int count;
  wide **arguments = CommandLineToArgvW(GetCommandLineW(), &count);
  ExitProcess((unsigned)Py_Main(count, arguments));
}
