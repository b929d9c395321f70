"""Runs on record for the commands that read them: made by the engine itself, in this process."""

import asyncio
import json
from pathlib import Path

from cellblock import RLM, RunLimits
from cellblock.models import ScriptedModel, SimulatedModel

QUESTION = "How many lines mention the word needle?"
TEXT = "hay\nneedle\n" * 3
HOSTILE = "How many? \x1b]0;pwned\x07\x9b31m [/bold] [red]\u202e"


def record(question=QUESTION, model=None, journal=None, text=TEXT):
    """A run that has ended."""
    return RLM(model or "simulated", journal=journal).run(question, text)


def record_with_child(journal=None):
    """A run with a child run, of a model that no name can bring back."""
    lines = ["```repl\nFINAL(rlm_query('inner question'))\n```", "```repl\nFINAL('from \x1b[31m the child')\n```"]
    return RLM(ScriptedModel(lines), limits=RunLimits(depth=1), journal=journal).run("outer question", f"{TEXT}and more")


def record_with_files(journal=None):
    """A run whose cells write a file and try a fork."""
    cells = [
        "vfs.write('/plans/[red].md', 'first this')\nstart = checkpoint.create('start')",
        "fork.create(start, 'b')\nfork.run('b', 'x = 1')\nFINAL(vfs.read('/plans/[red].md'))",
    ]
    return RLM(ScriptedModel([f"```repl\n{cell}\n```" for cell in cells]), journal=journal).run("Plan it.", TEXT)


class Stuck:
    """The simulated model, which answers once and then says nothing any more."""

    name = "simulated"

    def __init__(self, answers=1):
        self.left, self.waits, self.simulated = answers, asyncio.Event(), SimulatedModel()

    async def complete(self, messages, *, max_tokens=None, sampling=None):
        if not self.left:
            self.waits.set()
            await asyncio.Event().wait()
        self.left -= 1
        return await self.simulated.complete(messages, max_tokens=max_tokens)

    async def aclose(self):
        pass


def record_cancelled(question=QUESTION, journal=None, answers=1):
    """A run that was cancelled while its model was asked for the second time; its id."""

    async def until_it_waits():
        model, seen = Stuck(answers), []
        task = asyncio.create_task(RLM(model, journal=journal).arun(question, TEXT, on_event=seen.append))
        await asyncio.wait({asyncio.create_task(model.waits.wait()), task}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return seen[0].run_id

    return asyncio.run(until_it_waits())


def runs(cellblock, *words):
    """The runs on record as `cellblock runs --json` has them, the newest first."""
    done = cellblock("runs", "--json", *words)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)["runs"]


def default_journal(home):
    """Where the command keeps its journal under a home."""
    return Path(home) / "data" / "cellblock" / "journal.db"
