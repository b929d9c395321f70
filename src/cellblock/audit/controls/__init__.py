"""No sandboxes: what many systems take for one. An audit in which nothing escapes from these is blind."""

from __future__ import annotations

from ..system import System
from .plain import open_plain
from .restrictedpython import open_restrictedpython

OFFERED = frozenset({"externals", "ctx", "snapshots", "forks", "tenants", "determinism"})
CONTROL_SYSTEMS = {
    "exec": System(name="exec", open=open_plain, offers=OFFERED, is_control=True),
    "restrictedpython": System(name="restrictedpython", open=open_restrictedpython, offers=OFFERED, is_control=True),
}
"""By name."""
