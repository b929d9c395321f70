"""A find as a file: what it was, how it came about, how to run it again, ready to become a file of the corpus."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "finds"
_LONGEST = 100_000


@dataclass(frozen=True, kw_only=True)
class Find:
    """Something that should not be."""

    target: str
    attack_class: str
    sandbox: str
    seed: int
    problem: str
    example: bytes | str | list[str]
    """In the words of a corpus file: bytes, a text, or sources of cells. Of anything else what Python writes for it."""
    story: str = ""
    """The steps, or where it was raised."""

    @property
    def name(self) -> str:
        """Of its file; the same for the same find."""
        digest = hashlib.sha256(f"{self.problem}{self.example!r}".encode("utf-8", "backslashreplace")).hexdigest()[:8]
        return "-".join(part for part in (self.attack_class, self.target, self.sandbox, str(self.seed), digest) if part)

    @property
    def again(self) -> str:
        """The command that comes to it again."""
        sandbox = f" --sandbox {self.sandbox}" if self.sandbox else ""
        return f".venv/bin/python fuzz/run.py --only {self.target}{sandbox} --seed {self.seed} --minutes 0.2"

    def write(self, folder: Path) -> Path:
        """Write it. Gives the file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.toml"
        fields = {
            "id": self.name,
            "class": self.attack_class,
            "technique": f"found by the fuzz target {self.target}",
            "sandbox": self.sandbox,
            "problem": self.problem,
            "again": self.again,
            **_written(self.example),
            "expectation": "contained",
            "story": self.story,
        }
        path.write_text("\n".join(f"{key} = {_toml(value)}" for key, value in fields.items()) + "\n", "utf-8")
        return path

    def __str__(self) -> str:
        """For the terminal."""
        example = self.example if isinstance(self.example, str) else repr(self.example)
        lines = [f"FIND in {self.target} {self.sandbox} (seed {self.seed}): {self.problem}", f"  example: {_clipped(example, 2_000)}"]
        return "\n".join([*lines, f"  again:   {self.again}"])


def _written(example: bytes | str | list[str]) -> dict[str, Any]:
    if isinstance(example, bytes):
        return {"hex": _clipped(example.hex(), 20 * _LONGEST)}
    return {"source": example} if isinstance(example, list) else {"text": _clipped(example, _LONGEST)}


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    # JSON's texts are TOML's, but for half characters and DEL, which TOML has no way to write.
    text = json.dumps(str(value).encode("utf-8", "backslashreplace").decode(), ensure_ascii=False)
    return re.sub(r"[\x7f\x80-\x9f]", lambda char: f"\\u{ord(char[0]):04x}", text)


def _clipped(text: str, size: int) -> str:
    return text if len(text) <= size else f"{text[:size]}… ({len(text):,} characters)"
