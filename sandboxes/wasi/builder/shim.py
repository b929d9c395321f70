"""The guest's answers from WASI: a small module that knows a few of its functions and refuses the rest.

What is left for the host are six functions (clocks, randomness, sleep, exit, a refusal) and the one that carries externals. There are
no files, no arguments, no environment, no sockets; what is written to the standard streams goes nowhere.
"""

from __future__ import annotations

from .module import Signature

HOST_FUNCTIONS: dict[str, Signature] = {
    "host-call": (["i32"] * 5, []),
    "wall": (["i32"], []),
    "mono": ([], ["i64"]),
    "random": (["i32", "i32"], []),
    "exit": (["i32"], []),
    "sleep": (["i64"], []),
    "denied": (["i32"], []),
}
"""Everything that the guest can ask of the outside."""

MEMORY, REALLOC = "memory", "cabi_realloc"
_EMPTY_LIST = "(i32.store (local.get 0) (i32.const 0)) (i32.store offset=4 (local.get 0) (i32.const 0))"
_NONE = "(i32.store8 (local.get 0) (i32.const 0))"
_HANDLE = "(i32.const 1)"
_NOTHING = ""
# `{last}` is the last parameter: where the result goes. `error` 1 in a stream is "closed", in sockets "access-denied".
_OK = "(i32.store8 (local.get {last}) (i32.const 0))"
_ERROR = "(i32.store8 (local.get {last}) (i32.const 1)) (i32.store8 offset=4 (local.get {last}) (i32.const 1))"
_RESOLUTION = "(i64.store (local.get 0) (i64.const 0)) (i32.store offset=8 (local.get 0) (i32.const 1000))"
# Everything is ready at once: waiting is done by `sleep` when the pollable is made.
_POLL = """(local i32 i32)
  (local.set 3 (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.shl (local.get 1) (i32.const 2))))
  (block (loop (br_if 1 (i32.ge_u (local.get 4) (local.get 1)))
    (i32.store (i32.add (local.get 3) (i32.shl (local.get 4) (i32.const 2))) (local.get 4))
    (local.set 4 (i32.add (local.get 4) (i32.const 1))) (br 0)))
  (i32.store (local.get 2) (local.get 3)) (i32.store offset=4 (local.get 2) (local.get 1))"""
_RANDOM_BYTES = """(local i32)
  (local.set 2 (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.wrap_i64 (local.get 0))))
  (call $random (local.get 2) (i32.wrap_i64 (local.get 0)))
  (i32.store (local.get 1) (local.get 2)) (i32.store offset=4 (local.get 1) (i32.wrap_i64 (local.get 0)))"""

ANSWERS = {
    "cli/environment#get-environment": _EMPTY_LIST,
    "cli/environment#get-arguments": _EMPTY_LIST,
    "filesystem/preopens#get-directories": _EMPTY_LIST,
    "cli/terminal-stdin#get-terminal-stdin": _NONE,
    "cli/terminal-stdout#get-terminal-stdout": _NONE,
    "cli/terminal-stderr#get-terminal-stderr": _NONE,
    "cli/stdin#get-stdin": _HANDLE,
    "cli/stdout#get-stdout": _HANDLE,
    "cli/stderr#get-stderr": _HANDLE,
    "sockets/instance-network#instance-network": _HANDLE,
    "cli/exit#exit": "(call $exit (local.get 0)) unreachable",
    "clocks/monotonic-clock#now": "(call $mono)",
    "clocks/monotonic-clock#resolution": "(i64.const 1000)",
    "clocks/monotonic-clock#subscribe-duration": "(call $sleep (local.get 0)) (i32.const 1)",
    "clocks/monotonic-clock#subscribe-instant": "(call $sleep (i64.sub (local.get 0) (call $mono))) (i32.const 1)",
    "clocks/wall-clock#now": "(call $wall (local.get 0))",
    "clocks/wall-clock#resolution": _RESOLUTION,
    "io/poll#[method]pollable.block": _NOTHING,
    "io/poll#poll": _POLL,
    "random/random#get-random-bytes": _RANDOM_BYTES,
    "io/streams#[method]output-stream.check-write": _OK + " (i64.store offset=8 (local.get {last}) (i64.const 65536))",
    "io/streams#[method]output-stream.write": _OK,
    "io/streams#[method]output-stream.blocking-flush": _OK,
    "io/streams#[method]input-stream.read": _ERROR,
    "io/streams#[method]input-stream.subscribe": _HANDLE,
    "io/streams#[method]output-stream.subscribe": _HANDLE,
    "sockets/tcp-create-socket#create-tcp-socket": _ERROR,
    "sockets/udp-create-socket#create-udp-socket": _ERROR,
    "sockets/ip-name-lookup#resolve-addresses": _ERROR,
    "wasi_snapshot_preview1#reset_adapter_state": _NOTHING,
}


def shim_imports() -> list[str]:
    """The shim's imports in order: host functions, then the guest's memory and allocator."""
    return [*(name for name in HOST_FUNCTIONS if name != "host-call"), MEMORY, REALLOC]


def shim_text(functions: dict[str, Signature]) -> tuple[str, list[str]]:
    """The module as WebAssembly text, and the names of the functions that it refuses, in the order of their numbers.

    Args:
        functions: name as in `wasi:io/poll@0.2.0#poll`, and signature.
    """
    lines = ["(module"]
    for name in shim_imports()[:-2]:
        lines.append(f'(import "host" "{name}" (func ${name} {_signature(HOST_FUNCTIONS[name])}))')
    lines.append(f'(import "guest" "{MEMORY}" (memory 1))')
    lines.append(f'(import "guest" "{REALLOC}" (func $realloc (param i32 i32 i32 i32) (result i32)))')
    denied: list[str] = []
    for name, signature in functions.items():
        body = _answer(name, signature)
        if body is None:
            body = f"(call $denied (i32.const {len(denied)})) unreachable"
            denied.append(name)
        lines.append(f'(func (export "{name}") {_signature(signature)} {body})')
    return "\n".join([*lines, ")"]), denied


def _answer(name: str, signature: Signature) -> str | None:
    interface, _, function = name.partition("#")
    if function.startswith("[resource-drop]"):
        return _NOTHING
    key = f"{interface.partition('@')[0].removeprefix('wasi:')}#{function}"
    answer = ANSWERS.get(key)
    return None if answer is None else answer.replace("{last}", str(len(signature[0]) - 1))


def _signature(signature: Signature) -> str:
    parameters, results = (" ".join(types) for types in signature)
    return (f"(param {parameters})" if parameters else "") + (f" (result {results})" if results else "")
