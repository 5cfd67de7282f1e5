"""GPU memory on Windows, where too much of it is no error: WDDM moves it to system memory.

A Linux driver fails the allocation that does not fit. Windows' display driver model (WDDM) moves
allocations of a GPU that is full to system memory, behind PCIe, and nothing says so: not the
allocation, not `mem_get_info`. Every step is slower from then on; one model that others measured
lost a third of its speed to 2.7 GiB. What tells is a performance counter of Windows, the one that
Task Manager shows as "shared GPU memory", for each process and adapter.

    counters   reads it (`pdh`: Windows' library; `usage`: what its rows mean)
    watch      when it counts as a spill, and the words for it
    session    reads it in the engine's process, from before the model is loaded
    estimate   before that: the share of the memory that an engine may plan with

Linux has nothing to watch, and `counters.here` is the one place that says so. None of it has met an
AMD GPU on Windows yet: the counter is a fake one in tests, and absent under Wine.
"""
