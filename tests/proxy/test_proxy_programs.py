from __future__ import annotations

import ast
import re
import warnings

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from proxy_programs import cells, sessions
from proxy_twin import MEMBERS, Endless, Twin, compiled

from proxy import CellRefused, SessionNames, rewrite
from proxy_scopes import NAMES
from proxy_source import parsed


@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(sessions, st.booleans(), st.booleans())
def test_a_rewritten_program_does_what_the_written_one_does(session: list[str], tells_completion: bool, binds_all: bool) -> None:
    twin = Twin(tells_completion=tells_completion, binds_all=binds_all)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source in session:
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
                assert "too intricate" in refused.message
                event("refused")
                return
            event(f"texts: {bool(cell.texts)}")
            assert twin.guest.log == twin.real.log, cell.code
            assert twin.guest.state() == twin.real.state(), cell.code


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(cells(), st.booleans())
def test_every_statement_stays_on_its_line(source: str, unsure: bool) -> None:
    session = SessionNames(unsure=frozenset(NAMES)) if unsure else SessionNames()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            written = ast.parse(source)
            code = rewrite(source, session, MEMBERS).code
        except (SyntaxError, CellRefused):
            return
        rewritten = ast.parse(code)
    assert code.count("\n") == source.count("\n")
    assert statement_lines(rewritten) == statement_lines(written)


def statement_lines(tree: ast.Module) -> list[tuple[str, int]]:
    return [(type(node).__name__, node.lineno) for node in ast.walk(tree) if isinstance(node, ast.stmt)]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(cells())
def test_a_program_without_the_names_is_left_as_it_is(source: str) -> None:
    source = re.sub(r"\b(ctx|P|context|CONTEXT)\b", "other", source) + "\npass"
    try:
        cell = rewrite(source, SessionNames(), MEMBERS)
    except CellRefused as refused:
        assert refused.kind == "SyntaxError"
        return
    assert cell.code == source
    assert not cell.texts and (not cell.rebinds or "exec" in source or "globals" in source)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ctxP.len()[]:=,'\"f{} \n\\#\r\f\té\ufeffｃ"))
def test_any_text_is_rewritten_or_refused(source: str) -> None:
    try:
        cell = rewrite(source, SessionNames(), MEMBERS)
    except CellRefused as refused:
        assert refused.message and "\n" not in refused.message
    else:
        parsed(cell.code)
