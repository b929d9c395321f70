"""A short run as events, for the views."""

from cellblock.events import (
    Branched,
    CellEnded,
    CellStarted,
    FileChanged,
    ModelAnswered,
    ModelAsked,
    Refused,
    RunEnded,
    RunStarted,
    SessionOpened,
)

RUN, CHILD = "r1", "r1/1"


def started(**changes):
    fields = {"question": "How many?", "model": "simulated", "sandbox": "monty", "layers": {"seccomp": "on", "cgroup": "not delegated"}}
    return RunStarted(**{"run_id": RUN, "at": 100.0, "context_chars": 1234, "context_documents": 2, **fields, **changes})


def asked(call_id="c0", role="root_call", **changes):
    return ModelAsked(**{"run_id": RUN, "at": 100.5, "call_id": call_id, "role": role, "step": 1, "model": "simulated", **changes})


def answered(call_id="c0", role="root_call", **changes):
    fields = {"call_id": call_id, "role": role, "step": 1, "model": "simulated", "input_tokens": 30, "output_tokens": 4, "seconds": 1.25}
    return ModelAnswered(**{"run_id": RUN, "at": 101.0, **fields, **changes})


def cell_started(code="print(1)", **changes):
    return CellStarted(**{"run_id": RUN, "at": 101.1, "step": 1, "index": 0, "code": code, **changes})


def cell_ended(**changes):
    return CellEnded(**{"run_id": RUN, "at": 101.2, "step": 1, "index": 0, "stdout": "1\n", **changes})


def file_changed(how, path, **changes):
    return FileChanged(**{"run_id": RUN, "at": 101.25, "step": 1, "how": how, "path": path, **changes})


def branched(act, name, **changes):
    return Branched(**{"run_id": RUN, "at": 101.25, "step": 1, "act": act, "name": name, **changes})


def refused(reason):
    return Refused(run_id=RUN, at=101.3, step=1, reason=reason)


def ended(**changes):
    fields = {"success": True, "answer": "42", "steps": 2, "subcalls": 3, "input_tokens": 90, "output_tokens": 9, "seconds": 7.5}
    return RunEnded(**{"run_id": RUN, "at": 107.5, **fields, **changes})


def opened(**changes):
    return SessionOpened(**{"run_id": RUN, "at": 100.2, "sandbox": "monty", "layers": {"seccomp": "on"}, **changes})
