"""A cache of sub-calls: off unless asked for, and the second run pays for its loop alone."""

import tempfile

from cellblock import RLM, Models, ScriptedModel
from cellblock.events import ModelAnswered
from cellblock.models import CallableModel

CELL = '```repl\nFINAL(llm_query_batched(["Translate: " + line for line in P.splitlines()]))\n```'
WORDS = {"apple": "Apfel", "pear": "Birne", "plum": "Pflaume"}
asked: list[str] = []


def translate(prompt: str) -> str:
    """Stands in for a sub-model, and counts."""
    asked.append(prompt)
    return WORDS[prompt.removeprefix("Translate: ")]


with tempfile.TemporaryDirectory() as folder:
    for _ in range(2):
        # With real models: Models(root="gpt-5", sub="gpt-5-mini"). A function has a version to be known by, since code cannot be compared.
        models = Models(root=ScriptedModel([CELL]), sub=CallableModel(translate, version="1"))
        before = len(asked)
        # A folder, a *.db file, or redis://...
        result = RLM(models, cache=f"{folder}/calls.db").run("Translate the list.", "apple\npear\nplum\npear")
        sources = [event.source for event in result.trace if isinstance(event, ModelAnswered) and event.role == "subcall"]
        print(result.value, f"{len(asked) - before} calls made,", sources)
