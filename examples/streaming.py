"""Watch a run: events arrive while it goes on; leaving the loop early would cancel it."""

import anyio

from cellblock import RLM

LEDGER = "2024-03-01 deposit 120.50\n2024-03-02 withdrawal 20.25\n2024-03-05 deposit 3.00"


async def main() -> None:
    """Print the kind of each event, then the answer."""
    async with RLM("simulated").stream("What is the balance of the ledger?", LEDGER) as run:
        async for event in run:
            print(event.depth, type(event).__name__)
    print(run.result.answer)


anyio.run(main)
