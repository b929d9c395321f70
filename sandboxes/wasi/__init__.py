"""The wasi sandbox: CPython 3.14 as WebAssembly. `builder/` makes its artefact, `guest/` is built into it, the rest runs in the worker."""
