"""Where the time of some steps went, and so the money: by PyTorch's profiler."""
