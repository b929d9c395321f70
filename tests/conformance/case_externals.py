"""The far functions that cases may name in `# far:`. Plain Python: a session offers them as externals, the oracle calls them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from case_files import Files, file_functions

from cellblock.repl.protocol import CellError

FILES = "files"


class Externals:
    """One session's far functions, and what they remember of it."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def echo(self, value: Any) -> Any:
        """What it is given."""
        return value

    def describe(self, *args: Any, **named: Any) -> str:
        """Types and values as they arrived."""
        return f"{args!r} {dict(sorted(named.items()))!r}"

    def remember(self, value: Any) -> int:
        """Notes a value; how many there are."""
        self.seen.append(value)
        return len(self.seen)

    def remembered(self) -> list[Any]:
        """All that was noted, in order."""
        return list(self.seen)

    def refuse(self, kind: str, message: str) -> None:
        """Raises an error that is meant for the cell."""
        raise CellError(kind, message)

    def break_down(self) -> None:
        """Fails as a tool may: its text is not meant for the cell."""
        raise OSError("/srv/keys/openai: sk-0123456789")

    def odd(self) -> Any:
        """Answers with what cannot cross."""
        return {1, 2}

    def answer(self, question: str) -> str:
        """Has the name of something that cells find anyway."""
        return f"{question}!"

    def pause(self, seconds: float) -> str:
        """Takes its time."""
        time.sleep(seconds)
        return "done"

    def llm_query(self, prompt: str, model: str | None = None, max_tokens: int | None = None) -> str:
        """Answers with the prompt in capitals."""
        return prompt.upper() if model is None else f"{model}: {prompt.upper()}"

    def llm_query_batched(self, prompts: list[str]) -> list[str]:
        """Answers in the order of the prompts."""
        return [prompt.upper() for prompt in prompts]


def externals(names: tuple[str, ...], files: Files | None = None) -> dict[str, Callable[..., Any]]:
    """Those that a case names, fresh; `files` names all of `case_files.py`, whose files may be given."""
    fresh = Externals()
    functions = file_functions(files) if FILES in names else {}
    return {name: getattr(fresh, name) for name in names if name != FILES} | functions
