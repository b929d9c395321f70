"""How a run ended, for whoever asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import BudgetExceeded
from ..events import Trace
from ..host.exporting import export
from ..values import Value
from .effects import Conclusion, Ending
from .spending import RunUsage
from .tree import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """How a run ended."""

    answer: str
    """The text of `value`."""
    value: Value
    """The final answer with its type; a partial one where `success` is False."""
    success: bool
    """Whether there is an answer that was accepted."""
    ending: Ending
    """Where the value came from: `final`, `auto_variable`, `forced_final`, `last_output`, `failed` or `budget`."""
    error: str | None
    """One line, None where `success`."""
    usage: RunUsage
    """Of every model call in the tree, each counted once; also by role, model and depth."""
    trace: Trace
    run_id: str
    steps: int
    """Replies of the root model."""
    subcalls: int
    """Sub-calls and child runs in the whole tree."""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The run's virtual files as they were at its end, by path."""
    output: object = None
    """`value` as the `output_type` that was asked for; None where that did not succeed."""
    verified: bool | None = None
    """Whether the verifier passed the answer; None where it was not asked."""
    failure: BudgetExceeded | None = field(default=None, repr=False)
    """The limit that ended the run, if one did."""

    @property
    def response(self) -> str:
        """The answer, by the name that other engines give it."""
        return self.answer

    def export(self, folder: str | Path, *, overwrite: bool = False) -> list[Path]:
        """Write `files` below a folder, which is made if it is not there; nothing outside of it is touched.

        Args:
            overwrite: the folder may hold files; those of the same names are replaced.

        Returns:
            The files' real paths, sorted.

        Raises:
            ConfigError: the folder is a file or a link, or holds something.
            StoreError: a link or the like stands in the way, or the disk does not take the files.
        """
        return export(self.files, Path(folder), overwrite=overwrite)

    def raise_for_failure(self) -> RunResult:
        """This result, if a limit did not end the run.

        Raises:
            BudgetExceeded: one did. The error carries this result, with its partial answer.
        """
        if self.failure is not None:
            raise type(self.failure)(self.failure.limit, allowed=self.failure.allowed, used=self.failure.used, result=self)
        return self


def run_result(run: Run, conclusion: Conclusion, trace: Trace, usage: RunUsage) -> RunResult:
    """The result of a run that has ended."""
    return RunResult(
        answer=conclusion.text,
        value=conclusion.value,
        success=conclusion.success,
        ending=conclusion.ending,
        error=conclusion.error,
        usage=usage,
        trace=trace,
        run_id=run.run_id,
        steps=run.budget.steps,
        subcalls=run.budget.subcalls,
        files=run.files.files(),
        output=conclusion.output,
        verified=conclusion.verified,
        failure=None if conclusion.failure is None else conclusion.failure.with_traceback(None),
    )
