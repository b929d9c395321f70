"""Build time alone: from Python sources to one file of core WebAssembly modules with a plan of how to link them."""
