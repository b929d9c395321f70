"""One run that does all that a run can do: what its models say, word for word, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence

from cellblock.models.protocol import Message

QUESTION, CONTEXT = "the root's question", "apples\npears\nplums\n"
EFFECTS = 60
"""That the whole run has on record at least, its child runs' included."""

CRASHED = "InterpreterCrashed"

CALLS = 29
"""Of models, in the whole run."""
_ROOT = (
    """import datetime, random
when, luck = datetime.datetime.now(), [random.random()]
asked = [str(number) for number in [1, 2, 3, 2, 4, 1]]
names = llm_query_batched(["name " + number for number in asked])
print(len(P), names)
===
shape = llm_query_json("shape", {"sides": "int"})
print(shape)""",
    "Let me think about that for a while.",
    """weight = weigh("apples", 3)
alone = llm_query("alone " + weight)
luck.append(random.random())
vfs.write("/plans/first.txt", weight)
checkpoint.create("weighed")
print(alone)""",
    """fork.create("c1", "left")
fork.create("c1", "right")
print([one["error"] for one in fork.run_all({"left": LEFT, "right": RIGHT}).values()])
fork.score("left", 0.5)
strategy.commit("right", "it has a note")""".replace("LEFT", repr("luck.append(llm_query('left'))")).replace(
        "RIGHT", repr("luck.append(llm_query('right'))\nvfs.append('/plans/first.txt', '!')")
    ),
    """solo = rlm_query("child solo", "text of solo")
print(solo)""",
    """pair = rlm_query_batched(["child a", "child b"], ["text of a", "text of b"])
print(pair)""",
    """stood = when == datetime.datetime.now()
story = {"names": names, "shape": shape, "alone": alone, "solo": solo, "pair": pair, "luck": luck, "stood": stood}
story["plan"] = vfs.read("/plans/first.txt")
print(len(story))""",
    "FINAL_VAR(story)",
)
_CHILD = (
    """parts = llm_query_batched(["TAG part " + str(number) for number in [1, 2]])
ready = weigh("TAG", 1)
print("TAG", P, parts, ready)""",
    """```repl
FINAL("|".join(parts))
```""",
)


def weigh(what: str, count: int) -> str:
    """What so many of them weigh."""
    return f"{count} {what} weigh {100 * count} g"


def reply(messages: Sequence[Message]) -> str:
    """What the model says: a function of the conversation alone, so that a call that is made again is answered the same."""
    asked, turn = messages[0 if len(messages) < 3 and messages[0].role == "user" else 1].content, _turn(messages)
    if messages[0].role != "system":
        return _of_a_subcall(messages)
    line = asked.splitlines()[1]
    if line == QUESTION:
        return _written(_ROOT[min(turn, len(_ROOT) - 1)])
    return _written(_CHILD[min(turn, len(_CHILD) - 1)].replace("TAG", line.removeprefix("child ")))


def _turn(messages: Sequence[Message]) -> int:
    """Which of its replies is due. A cell whose interpreter crashed is written once more."""
    crashes = sum(message.role == "user" and CRASHED in message.content for message in messages)
    return sum(message.role == "assistant" for message in messages) - crashes


def _of_a_subcall(messages: Sequence[Message]) -> str:
    prompt = messages[0].content
    if prompt.startswith("shape"):
        return '{"sides": 4}' if _turn(messages) else "four sides"
    return f"<{prompt.upper()}>"


def _written(text: str) -> str:
    if "\n" not in text or text.startswith("```"):
        return text
    return "\n".join(f"```repl\n{code.strip()}\n```" for code in text.split("==="))
