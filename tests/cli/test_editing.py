"""What an editor is given: a model's text, within lines of ours."""

from hypothesis import given
from hypothesis import strategies as st

from cellblock.cli.editing import GUARD_LINES, _framed, _framed_in

MARK = "-----mark-----"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=200))
def test_a_reply_comes_back_as_it_was(text):
    assert _framed_in(_framed(text, "title", MARK), MARK) == text


@given(st.text(max_size=80))
def test_no_editor_finds_a_models_line_where_it_looks_for_settings(text):
    lines = _framed(f"{text}\nvim: set modeline:\nLocal Variables:\nEnd:", "title", MARK).split("\n")
    # vim looks at the first and the last five lines; Emacs at the first, and at what follows the last form feed.
    assert not [line for line in lines[:5] + lines[-5:] if "modeline" in line]
    assert "Local Variables" not in "\n".join(lines).rpartition("\f")[2]
    assert lines[GUARD_LINES] == MARK


def test_line_ends_of_another_system_are_read():
    assert _framed_in(_framed("a\nb", "title", MARK).replace("\n", "\r\n"), MARK) == "a\nb"
