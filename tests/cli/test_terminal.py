"""What models and guests write cannot steer a terminal."""

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from cellblock.cli.terminal import clip, one_line, safe, to_json

HOSTILE = st.sampled_from(
    [*"\x00\x07\x08\r\x1b\x7f\x85\x9b\u00ad\u200b\u200d\u2028\u202e\u2066\ufeff\ufe0f\ud800\U000e0041", "\x1b[2J", "[/bold]"]
)
ANY_TEXT = st.lists(st.characters(codec=None) | HOSTILE).map("".join)
FORBIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(ANY_TEXT)
def test_no_control_or_invisible_character_survives(text):
    assert {c for c in safe(text) if unicodedata.category(c) in FORBIDDEN} <= {"\n", "\t"}


@given(ANY_TEXT)
def test_one_line_is_one_line_without_controls_and_within_its_width(text):
    line = one_line(text, 40)
    assert len(line) <= 40
    assert not {c for c in line if unicodedata.category(c) in FORBIDDEN}


@given(st.text(st.characters(categories=["L", "Nd", "P", "Zs", "Sm", "Sc"], exclude_characters="\u115f\u1160\u3164\uffa0"), max_size=80))
def test_ordinary_text_of_any_script_is_left_alone(text):
    assert safe(text) == text


def test_every_forbidden_code_point_is_spelled_out():
    every = "".join(map(chr, range(0x110000)))
    assert {c for c in safe(every) if unicodedata.category(c) in FORBIDDEN} == {"\n", "\t"}


def test_an_escape_sequence_is_shown_and_not_obeyed():
    assert safe("\x1b]0;title\x07 \x9b31m \u202egnp.exe \U000e0041") == r"\x1b]0;title\x07 \x9b31m \u202egnp.exe \U000e0041"


def test_line_ends_of_other_systems_become_newlines_and_a_lone_return_is_shown():
    assert safe("a\r\nb\rc\n") == "a\nb\\x0dc\n"


def test_an_emoji_loses_only_its_invisible_selector():
    assert safe("❤\ufe0f") == "❤"


def test_a_long_text_is_clipped_and_says_by_how_much():
    assert clip("x" * 12, 10) == "x" * 10 + "\n… 2 more characters"
    assert one_line("word " * 100, 10) == "word word…"


@given(ANY_TEXT)
def test_json_is_printable_ascii_and_reads_back(text):
    line = to_json({"text": text})
    assert all(" " <= c <= "~" for c in line)
    assert json.loads(line)["text"] == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_values_that_json_cannot_say_become_text():
    line = to_json({"v": [float("nan"), float("-inf"), b"ab", 10**4_310, {"k": 1.5}, 7]})
    nan, inf, data, huge, *rest = json.loads(line)["v"]
    assert (nan, inf, data, rest) == ("nan", "-inf", "YWI=", [{"k": 1.5}, 7])
    assert int(huge, 16) == 10**4_310
