"""What a screen must not show: judged by characters and sequences, not by what our own printer thinks of them."""

from __future__ import annotations

import pytest

from cellblock.audit.screens import Screen, faults_of, not_json, unfit

STYLED = "\x1b[1;36mrun\x1b[0m  \x1b[2mab\x1b[0m\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "\x1b]0;owned\x07",
        "\x1b[2J",
        "\x1b[38;5;201mx",
        "\x1b[48;5;1mx",
        "\x1b[6n",
        "\x9b2J",
        "\u202egnp",
        "\u2066",
        "\x08",
        "a\rb",
        "\u200b",
        "\udcff",
    ],
)
@pytest.mark.parametrize("terminal", [False, True])
def test_what_acts_or_hides_is_found_between_our_own_styles(text: str, terminal: bool) -> None:
    assert unfit("plain " + text + " words\n", terminal=terminal)
    assert unfit(STYLED + text + STYLED, terminal=True)


def test_our_own_styles_are_fit_for_a_terminal_and_for_no_pipe() -> None:
    assert unfit(STYLED, terminal=True) == []
    assert unfit("\x1b[?25l\r\x1b[2K\x1b[1A" + STYLED, terminal=True, live=True) == []
    assert unfit("\x1b[2K", terminal=True)
    assert unfit(STYLED, terminal=False) == ["U+000D", "U+001B"]
    assert unfit("words, tabs\tand lines\n é 漢 🙂\n", terminal=False) == []


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '"\\ud800"', "{", "", "[" * 100_000])
def test_json_that_others_cannot_read_is_none(text: str) -> None:
    assert not_json(text) is not None


def test_a_screen_that_is_wrong_in_every_way_has_a_fault_for_each() -> None:
    screen = Screen(command="runs --json", terminal=False, stdout='{"a": NaN}\x07', stderr="cellblock: unexpected KeyError: 1", code=0)
    told = "\n".join(faults_of(screen))
    assert "U+0007" in told and "no JSON" in told and "an error that is not ours" in told
