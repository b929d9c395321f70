"""What a session is to do, in the plainest way: a namespace of this process in which trusted cells run."""

from __future__ import annotations

import copy
from typing import Any

CELLS = [
    "n = n + 1",
    "items.append(n)",
    "items = [n, items[-3:]]",
    "alias = items",
    "table[str(n)] = alias",
    "text = text + str(n) + 'é'",
    "table.pop('0', None)",
    "n = step(n)",
    "n = ask(n)",
    "items.append(ask(n))\nask(0)",
    "items.append(n)\n1 / 0",
    "n = ask(n)\n1 / 0",
    "answer['content'] = [n, alias]",
    "finish(n)",
    "finish(text)\n1 / 0",
    "from collections import Counter\nitems.append(sorted(Counter(text).items())[:2])",
]
"""They run the same on every sandbox and here."""
BEGINNING = "n = 0\nitems = []\nalias = items\ntable = {}\ntext = ''\ndef step(x):\n    return x * 3 + n"
BEGINNING += "\ndef finish(x):\n    answer['content'], answer['ready'] = x, True"
NAMES = ("n", "items", "alias", "table", "text", "answer")
MODULUS = 1_000_003


def ask(number: int) -> int:
    """The function of the host that cells call."""
    return (number * 7 + 1) % MODULUS


class Model(dict[str, Any]):
    """A plain namespace; copies keep what is shared within."""

    def run(self, code: str) -> Any:
        """Run a cell; the answer that it gave, if any."""
        self.setdefault("answer", {"content": None, "ready": False})
        self["ask"] = ask
        try:
            exec(code, self)
        except ZeroDivisionError:
            return None
        answer = self["answer"]
        ready, answer["ready"] = answer["ready"], False
        return answer["content"] if ready else None

    def copied(self) -> Model:
        """An independent one in the same state."""
        other = Model({name: value for name, value in self.items() if name.startswith("__")})
        other.run(BEGINNING)
        other.update(copy.deepcopy({name: self[name] for name in NAMES}))
        return other

    def shown(self) -> Any:
        """All there is to see of it."""
        return as_lists([self[name] for name in NAMES] + [self["alias"] is self["items"]])


def as_lists(value: Any) -> Any:
    """The value as it crosses: tuples are lists."""
    if isinstance(value, (list, tuple)):
        return [as_lists(item) for item in value]
    return {key: as_lists(item) for key, item in value.items()} if isinstance(value, dict) else value
