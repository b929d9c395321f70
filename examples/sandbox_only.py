"""Only the REPL: run untrusted Python behind both walls, with a function of your own that it may call."""

import anyio

from cellblock import ExecLimits, open_sandbox


async def price(item: str) -> float:
    """A host function; its arguments come from hostile code."""
    return {"apple": 0.5, "pear": 0.75}.get(item, 0.0)


async def main() -> None:
    """Good cells, a bad one, an endless one."""
    async with await open_sandbox(externals={"price": price}, limits=ExecLimits(wall_seconds=1)) as session:
        print((await session.exec("total = sum(price(x) for x in ['apple', 'pear'])\ntotal")).value_preview)
        print((await session.exec("open('/etc/passwd')")).error)
        print((await session.exec("while True: pass")).error)
        print((await session.exec("total")).value_preview)


anyio.run(main)
