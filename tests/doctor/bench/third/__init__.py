"""A third sample, smaller and blind again: drawn after the misses of the second had been mended."""
