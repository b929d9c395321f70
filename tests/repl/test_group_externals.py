"""Externals that are methods of an object: `vfs__read` is called as `vfs.read`."""

from __future__ import annotations

from typing import Any

import pytest

from cellblock.errors import ConfigError
from cellblock.repl.session import GROUPS, open_session

SANDBOXES = ("monty", "restricted", "wasi")


@pytest.mark.anyio
async def test_a_name_is_a_function_or_an_object_and_not_both() -> None:
    with pytest.raises(ConfigError, match="rename one"):
        await open_session("restricted", externals={"vfs": shouted, "vfs__read": shouted})


def shouted(path: str) -> str:
    return path.upper()


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["vfs__", "vfs____class__", "vfs___hidden", "fork__import", "strategy__", "vfs__a b"])
async def test_a_group_has_public_methods_alone(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be an external's name"):
        await open_session("restricted", externals={name: shouted})


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_each_group_is_an_object_and_other_names_stay_functions(sandbox: str) -> None:
    names = [f"{group}__shout" for group in GROUPS] + ["my__tool", "shout"]
    async with await open_session(sandbox, externals=dict.fromkeys(names, shouted)) as session:
        result = await session.exec(
            "print(vfs.shout('a'), checkpoint.shout('b'), fork.shout('c'), strategy.shout('d'), my__tool('e'), shout('f'))"
        )
        assert (result.stdout, result.error) == ("A B C D E F\n", None)
        assert result.usage.host_calls == 6
        flat = await session.exec("vfs__shout('a')")
        assert flat.error is not None
        assert flat.error.kind == "NameError"


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_a_snapshot_goes_on_with_the_groups_that_it_is_given(sandbox: str) -> None:
    options: dict[str, Any] = {"externals": {"vfs__read": shouted, "fork__run": shouted}}
    async with await open_session(sandbox) as plain:
        await plain.exec("fork = 'mine'")
        snapshot = await plain.dump()
    async with await open_session(sandbox, snapshot=snapshot, **options) as session:
        first = await session.exec("f = vfs.read\nprint(f('a'), fork)")
        assert (first.stdout, first.error) == ("A mine\n", None)
        again = await session.dump()
    more = {"vfs__read": shouted, "vfs__list": shouted}
    async with await open_session(sandbox, snapshot=again, externals=more) as session:
        result = await session.exec("print(f('a'), vfs.read('b'), vfs.list('c'), fork)")
        assert (result.stdout, result.error) == ("A B C mine\n", None)


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_what_is_no_longer_offered_is_an_error_of_the_cell(sandbox: str) -> None:
    async with await open_session(sandbox, externals={"vfs__read": shouted}) as session:
        await session.exec("x = 1")
        snapshot = await session.dump()
    async with await open_session(sandbox, snapshot=snapshot) as session:
        result = await session.exec("vfs.read('a')")
        assert result.error is not None
        assert result.error.kind == "NameError"
        assert (await session.exec("print(x)")).stdout == "1\n"


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_a_group_is_no_variable_of_the_cells(sandbox: str) -> None:
    async with await open_session(sandbox, externals={"vfs__read": shouted}) as session:
        await session.exec("x = 1")
        assert (await session.exec("SHOW_VARS()")).value_preview == "'x: int'"
        with pytest.raises((LookupError, TypeError)):
            await session.get("vfs")


REACHES = (
    "vfs.__class__.__bases__", "vfs.__class__.__mro__", "vfs.__class__.read.__globals__", "vfs.read.__globals__", "vfs.read.__closure__",
    "vfs.read.__code__", "vfs.read.__self__", "type(vfs).__subclasses__()", "type(vfs).__init_subclass__", "vfs.__init__.__globals__",
    "type(vfs)().read.__globals__", "vars(vfs)", "vfs.__dict__", "vfs.read.__wrapped__", "vfs.__reduce__()", "vfs.__reduce_ex__(2)",
)  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", ["monty", "restricted"])
async def test_no_way_leads_from_a_group_into_the_interpreter(sandbox: str) -> None:
    async with await open_session(sandbox, externals={"vfs__read": shouted}) as session:
        for code in REACHES:
            result = await session.exec(f"print({code})")
            assert result.error is not None, code
        for code in ("vfs.read = 5", "del vfs.read", "type(vfs).read = 5", "vfs.other = 5", "vfs.read.x = 1"):
            await session.exec(f"try:\n    {code}\nexcept Exception:\n    pass")
        assert (await session.exec("print(1)")).stdout == "1\n"


@pytest.mark.anyio
async def test_a_cell_that_calls_the_helper_itself_gets_an_error_and_no_more() -> None:
    async with await open_session("monty", externals={"vfs__read": shouted, "shout": shouted}) as session:
        for given in (
            "",
            "1, 2, 3",
            "'shout', 5, {}",
            "['a'], (), {}",
            "'shout', ('a',), {1: 2}",
            "'_cb_call_method', (), {}",
            "'nothing', (), {}",
        ):
            result = await session.exec(f"call = eval('_cb' + '_call_method')\ncall({given})")
            assert result.error is not None, given
            assert result.state == "kept", given
        assert (await session.exec("print(vfs.read('a'))")).stdout == "A\n"
