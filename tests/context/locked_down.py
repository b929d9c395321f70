"""Maps a context under the strict system-call filter of a worker, and searches it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandboxes"))

from jail import seccomp, syscalls
from near import NearContext

syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
syscalls.seccomp_filter(seccomp.strict(), all_threads=False)
near = NearContext(int(sys.argv[1]))
print(near.ctx.find("needle"), near.tail(6), len(near.whole.text()))
