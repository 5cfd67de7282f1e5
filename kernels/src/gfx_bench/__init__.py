"""Time ops of gfx_kernels against other implementations, on the GPU of this process."""
