from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cellblock.repl.zygote import close_all

from .world import ON_THE_HOST, World


@pytest.fixture(scope="package", params=("monty", "restricted", "wasi"))
async def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[World]:
    """Two tenants in each sandbox in turn, whose runs were going on at once and have ended."""
    folder = tmp_path_factory.mktemp("tenants")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        patch.setenv("CELLBLOCK_TEST_OF_TENANTS", ON_THE_HOST)
        world = World(request.param, folder)
        await world.live()
        yield world
    close_all()


@pytest.fixture
def looked_at(world: World) -> World:
    """The same, where its processes could be looked at."""
    if world.unreadable:
        pytest.skip(world.unreadable)
    return world
