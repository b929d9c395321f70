from __future__ import annotations

import warnings

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from proxy import CellRefused
from proxy_programs import sessions
from proxy_twin import Endless, Twin, compiled


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(sessions, st.booleans(), st.booleans())
def test_a_rewritten_program_does_what_the_written_one_does(cells: list[str], tells_completion: bool, binds_all: bool) -> None:
    twin = Twin(tells_completion=tells_completion, binds_all=binds_all)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source in cells:
            try:
                compiled(source, shows=False)
            except SyntaxError:
                event("no Python")
                return
            try:
                cell = twin.run(source)
            except Endless:
                event("endless")
                return
            except CellRefused as refused:
                assert "intricate" in refused.message
                event("refused")
                return
            event(f"texts: {bool(cell.texts)}")
            assert twin.guest.log == twin.real.log, cell.code
            assert twin.guest.state() == twin.real.state(), cell.code
