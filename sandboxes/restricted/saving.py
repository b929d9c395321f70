"""A session's state between cells, to bytes and back."""

from __future__ import annotations

import decimal
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from restricted import classes, dumping, loading, rules
from restricted.codes import Codes
from restricted.frozen import Frozen
from restricted.known import by_identity
from restricted.rerun import Ref, Rerun
from restricted.screen import Screen

_HEAD_BYTES = 8
_DECIMAL = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")


class State(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is saved besides large texts, which follow it."""

    cells: int
    sources: dict[str, str]
    nodes: list[list[Any]]
    variables: list[tuple[str, Any]]
    gone: list[str]
    shared: tuple[int, list[int], float | None]
    fresh: tuple[int, list[int], float | None]
    ticks: int
    serial: int
    decimals: tuple[int, str, int, int, int, int]


class Saving:
    """Saves and restores one session.

    Attributes:
        sources: the cells that functions and classes stand in.
    """

    def __init__(self, screen: Screen, frozen: Frozen, maker: classes.Maker, sources: dict[str, str]) -> None:
        self.screen, self.frozen, self.maker, self.sources = screen, frozen, maker, sources

    def save(
        self, variables: Mapping[str, Any], gone: Sequence[str], cells: int, paths: Mapping[str, Any]
    ) -> tuple[list[bytes], dict[str, str]]:
        """The pieces of the state, and which variables are not in it, and why."""
        dumper = dumping.Dumper(Codes(self.sources), self.maker, by_identity(paths), self.screen.is_function)
        kept: list[tuple[str, Any]] = []
        lost: dict[str, str] = {}
        for name, value in variables.items():
            try:
                kept.append((name, dumper.variable(value)))
            except dumping.Lost as why:
                lost[name] = str(why)
        context = decimal.getcontext()
        state = State(
            cells=cells,
            sources={name: self.sources[name] for name in sorted(dumper.sources)},
            nodes=dumper.nodes,
            variables=kept,
            gone=list(gone),
            shared=tuple(dumping.random_state(self.frozen.shared)),
            fresh=tuple(dumping.random_state(self.frozen.fresh)),
            ticks=self.frozen.ticks,
            serial=classes.serials.last,
            decimals=tuple(getattr(context, name) for name in _DECIMAL),
        )
        head = msgspec.msgpack.encode(state)
        return [len(head).to_bytes(_HEAD_BYTES, "little"), head, *dumper.blobs], lost

    def restore(self, saved: memoryview, variables: dict[str, Any], paths: Mapping[str, Any]) -> int:
        """Put the saved variables back. Returns how many cells the session had run.

        Raises:
            ValueError, TypeError and others: the bytes are not a state that `save` wrote.
        """
        end = _HEAD_BYTES + int.from_bytes(saved[:_HEAD_BYTES], "little")
        state = msgspec.msgpack.decode(saved[_HEAD_BYTES:end], type=State, ext_hook=_Extensions(saved[end:]))
        _check_names([*state.gone, *(name for name, _ in state.variables)])
        for name in state.gone:
            variables.pop(name, None)
        self.sources.update(state.sources)
        self._restore_settings(state)
        values = dict(state.variables)
        codes = Codes(state.sources)
        rerun = Rerun(state.nodes, codes, self.maker, variables, values)
        loader = loading.Loader(state.nodes, codes, self.screen, paths, rerun)
        rerun.value = loader.value
        for number, node in enumerate(state.nodes):
            if node[0] == "class":
                loader.value(Ref(number))
        self._restore_settings(state)  # once more: a class statement that ran again may have drawn from these
        for name, value in [(name, loader.value(reference)) for name, reference in values.items()]:
            variables.pop(name, None)
            variables[name] = value
        return state.cells

    def _restore_settings(self, state: State) -> None:
        loading.set_random(self.frozen.shared, state.shared)
        loading.set_random(self.frozen.fresh, state.fresh)
        self.frozen.ticks = state.ticks
        classes.serials.last = state.serial
        for name, value in zip(_DECIMAL, state.decimals, strict=True):
            setattr(decimal.getcontext(), name, value)


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if not name.isidentifier() or rules.is_special(name) or name.startswith("_cb_") or unicodedata.normalize("NFKC", name) != name:
            raise ValueError(f"{name!r} is no variable")


class _Extensions:
    """Reads what plain msgpack has no kind for."""

    def __init__(self, blobs: memoryview) -> None:
        self.blobs = blobs

    def __call__(self, code: int, data: memoryview) -> Any:
        if code == dumping.EXT_TEXT:
            return bytes(data).decode("utf-8", "surrogatepass")
        if code in (dumping.EXT_BLOB, dumping.EXT_BLOB_TEXT):
            place, size = dumping.PLACE.unpack(data)
            raw = self.blobs[place : place + size]
            if len(raw) != size:
                raise ValueError("the state was cut short")
            return bytes(raw) if code == dumping.EXT_BLOB else str(raw, "utf-8", "surrogatepass")
        number = int.from_bytes(data, "little", signed=True)
        if code == dumping.EXT_INT:
            return number
        if code == dumping.EXT_REF:
            return Ref(number)
        raise ValueError("unknown kind of value")
