"""Methods: suites and published benchmarks behind one interface."""
