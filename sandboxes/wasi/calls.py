"""Calls into the guest and out of it, below wasmtime's Python layer.

That layer costs 20 microseconds a call, and keeps the exception of a host function in a global that all threads share.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

import wasmtime._bindings as bindings
import wasmtime._ffi as ffi
from wasmtime import FuncType, Store, Trap, ValType, WasmtimeError

U32 = 0xFFFFFFFF
_CALLBACK_ARGUMENTS: Any = bindings._wasmtime_store_epoch_deadline_callback.argtypes
NO_FINALIZER = ctypes.cast(0, _CALLBACK_ARGUMENTS[3])
EpochCallback: Any = _CALLBACK_ARGUMENTS[1]
_TYPES = {"i32": ValType.i32, "i64": ValType.i64}
# Past the library's own wrappers, which only pass their arguments on.
_call_unchecked: Any = bindings._wasmtime_func_call_unchecked
_TrapPointer = ctypes.POINTER(bindings.wasm_trap_t)


class Function:
    """A function of the guest that takes at most a few 32-bit numbers and gives one, or none. Not to be called from within itself."""

    def __init__(self, context: Any, extern: Any, slots: int) -> None:
        self._raw = (bindings.wasmtime_val_raw_t * slots)()
        self._first, self._parts = self._raw[0], (context, extern, slots)
        self._prepare()

    def _prepare(self) -> None:
        context, extern, slots = self._parts
        self._trap = _TrapPointer()
        self._call = partial(_call_unchecked, context, ctypes.byref(extern.of.func), self._raw, slots, ctypes.byref(self._trap))

    def __call__(self, *arguments: int) -> int:
        """Call it.

        Raises:
            WasmtimeError, Trap: the guest came to a bad end.
        """
        raw = self._raw
        for i, argument in enumerate(arguments):
            raw[i].i64 = argument
        if error := self._call():
            raise WasmtimeError._from_ptr(error)
        if self._trap:
            raised = self._trap
            self._prepare()
            raise Trap._from_ptr(raised)
        return self._first.i32 & U32


class HostFunction:
    """A function of ours for the guest. What it raises ends the guest's call; `failed` keeps it for whoever made that call."""

    def __init__(
        self,
        store: Store,
        signature: tuple[list[str], list[str]],
        function: Callable[..., int | None],
        failed: Callable[[BaseException], None],
    ) -> None:
        parameters, results = signature

        def called(_env: Any, _caller: Any, raw: Any, _count: int) -> int:
            try:
                arguments = [raw[i].i64 if kind == "i64" else raw[i].i32 & U32 for i, kind in enumerate(parameters)]
                result = function(*arguments)
                if results:
                    raw[0].i64 = result
                return 0
            except BaseException as error:  # noqa: BLE001 - it must not unwind through the guest's frames; `failed` keeps it
                failed(error)
                return trap("ended by the host")

        self._kept = bindings.wasmtime_func_unchecked_callback_t(called)
        self.extern = bindings.wasmtime_extern_t()
        self.extern.kind = ffi.WASMTIME_EXTERN_FUNC
        kind = FuncType([_TYPES[name]() for name in parameters], [_TYPES[name]() for name in results])
        place = ctypes.byref(self.extern.of.func)
        bindings.wasmtime_func_new_unchecked(store._context(), kind.ptr(), self._kept, None, NO_FINALIZER, place)


def trap(message: str) -> int:
    """A trap for a host function to return."""
    return ctypes.cast(Trap(message)._consume(), ctypes.c_void_p).value or 0


def failure(message: str) -> int:
    """An error for an epoch callback to return."""
    return ctypes.cast(WasmtimeError(message)._consume(), ctypes.c_void_p).value or 0


def new_instance(context: Any, module: Any, imports: list[Any]) -> Any:
    """Instantiate a module with externs in its own order.

    Raises:
        WasmtimeError, Trap: it cannot be.
    """
    externs = (bindings.wasmtime_extern_t * len(imports))(*imports)
    instance, raised = bindings.wasmtime_instance_t(), _TrapPointer()
    found = ctypes.byref(instance), ctypes.byref(raised)
    error = ffi.wasmtime_instance_new(context, module.ptr(), externs, len(imports), *found)
    if error:
        raise WasmtimeError._from_ptr(error)
    if raised:
        raise Trap._from_ptr(raised)
    return instance


def export_of(context: Any, instance: Any, name: str) -> Any:
    """An export of an instance.

    Raises:
        WasmtimeError: there is none of that name.
    """
    raw, extern = name.encode(), bindings.wasmtime_extern_t()
    if not bindings.wasmtime_instance_export_get(context, ctypes.byref(instance), raw, len(raw), ctypes.byref(extern)):
        raise WasmtimeError(f"no export {name!r}")
    return extern
