"""Windows Python on Linux, under Wine: what Windows users get is installed and run here.

A rig for tests. Its Python is put together from files of PyPI wheels; it lies in a channel of its
own (build/windows/channel), which no bundle is made from, so none of it is ever passed on.
"""
