"""One module for each part of the benchmark; every module here is found by itself (see benchmarks/README.md)."""
