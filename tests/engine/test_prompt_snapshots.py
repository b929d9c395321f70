"""The prompt of every sandbox and profile, kept as files, so that a change of it is seen in review.

`UPDATE_SNAPSHOTS=1 pytest tests/engine/test_prompt_snapshots.py` writes them anew.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pydantic
import pytest

from cellblock.engine.prompt import PromptSettings
from cellblock.engine.router import PROFILES, Router
from cellblock.engine.run import RLM
from cellblock.models import ScriptedModel

pytestmark = pytest.mark.anyio

FOLDER = Path(__file__).parents[1] / "snapshots" / "prompts"


class Invoice(pydantic.BaseModel):
    number: str
    amount: float


def lookup(name: str, limit: int = 10) -> list[str]:
    """Find customers by name."""
    return [name][:limit]


SETTINGS: dict[str, dict[str, Any]] = {
    **{name: {"policy": name} for name in ("baseline", "format_strict", "depth_soft", "depth_strict", "format_plus_depth")},
    "compact": {"prompt": PromptSettings(compact=True)},
    "structured": {"prompt": PromptSettings(structured_replies=True)},
    "custom": {"prompt": PromptSettings(system_prompt="You audit invoices.", supplements=("Answer in German.",))},
    "tools": {"tools": [lookup]},
}


@pytest.mark.parametrize("name", [*SETTINGS, "typed", *PROFILES])
async def test_the_prompt_is_the_one_that_was_reviewed(sandbox: str, name: str) -> None:
    model = ScriptedModel(fallback="VERIFIED").add_rule(
        "Write the next cell", '```repl\nllm_query("x")\nFINAL({"number": "1", "amount": 1})\n```'
    )
    rlm = RLM(model, sandbox=sandbox, journal=":memory:", **SETTINGS.get(name, {}))
    context = {"a.txt": "First line.\nSecond line.", "b.txt": "Third."}
    if name in PROFILES:
        await Router(rlm, baseline_threshold=0, profile=name).arun("Which invoice is overdue?", context)  # type: ignore[arg-type]
    else:
        await rlm.arun("Which invoice is overdue?", context, output_type=Invoice if name == "typed" else None)
    text = "\n".join(f"== {message.role}\n{message.content}" for message in model.calls[0].messages) + "\n"
    path = FOLDER / sandbox / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"no snapshot {path.relative_to(FOLDER)}: write it with UPDATE_SNAPSHOTS=1 and review it"
    assert text == path.read_text(encoding="utf-8")


def test_no_snapshot_is_left_over() -> None:
    kept = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.txt")}
    assert kept == {f"{box}/{name}.txt" for box in ("monty", "restricted", "wasi") for name in [*SETTINGS, "typed", *PROFILES]}


@pytest.mark.parametrize("sandbox", ["monty", "restricted", "wasi"])
def test_the_compact_form_is_much_shorter(sandbox: str) -> None:
    full, compact = (len((FOLDER / sandbox / f"{name}.txt").read_text()) for name in ("baseline", "compact"))
    assert compact < 0.7 * full
