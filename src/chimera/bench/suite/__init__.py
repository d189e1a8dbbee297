"""The benchmarks. Each file here is one: its docstring says what, its `run(bench)` does it."""
