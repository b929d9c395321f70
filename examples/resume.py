"""A run that is cut off goes on where it was: what was paid for is not paid for again."""

import asyncio
import tempfile
from pathlib import Path

from cellblock import RLM
from cellblock.events import AnyEvent, CellEnded

asked: list[str] = []
runs: list[str] = []


async def model(messages: list) -> str:
    """With a real one: RLM("gpt-5", journal=...)."""
    asked.append(messages[-1].content)
    if len(messages) == 1:
        return "12"
    if sum(message.role == "assistant" for message in messages) == 0:
        return '```repl\nfound = llm_query_batched(["How many on " + day + "?" for day in P.split()])\nprint(found)\n```'
    return "```repl\nFINAL(sum(int(each) for each in found))\n```"


def stop_after_a_cell(event: AnyEvent) -> None:
    """Stands for a crash, a closed laptop, a machine that was taken away."""
    if isinstance(event, CellEnded):
        runs.append(event.run_id)
        raise KeyboardInterrupt


with tempfile.TemporaryDirectory() as folder:
    rlm = RLM(model, journal=Path(folder) / "journal.db")
    try:
        asyncio.run(rlm.arun("How many in all?", "monday tuesday wednesday", on_event=stop_after_a_cell))
    except KeyboardInterrupt:
        print(f"cut off after {len(asked)} calls")
    print(rlm.resume(runs[0]).value, f"after {len(asked)} calls in all")
    print("the replay is the same:", rlm.recorded(runs[0]).replay().same, f"and asked nobody: {len(asked)} calls")
