"""The ROCm stack: AMD's wheels, by file name and hash, as conda packages."""
