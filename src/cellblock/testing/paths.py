"""Paths of virtual files, from well-behaved to hostile."""

from __future__ import annotations

from hypothesis import strategies as st

from ..host.vfs_paths import FOLDERS, SEGMENT_CHARS

PIECES = (
    "..", ".", "/", "a", "b.txt", "\\", "\0", "\n", "\r", "\u202e", "\u200b", "\u2024", "\uff0f", "\u2215", "\ud800", " ",
    "\u00e9", "e\u0301", "~", "%2e%2e", "%00", "C:", "CON", "file:", "-", "*", "$HOME", "`id`", "etc/passwd", "proc/self/environ",
    "\x1b[2J", "\u2028",
)  # fmt: skip
"""What a path may be made of to get somewhere else, or to be shown as something else."""


def paths() -> st.SearchStrategy[str]:
    """Ordinary paths below the folders that are there, the same ones in other spellings, ways out, names that cannot be seen, long ones."""
    wild = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
    rooted = st.builds(lambda folder, rest: f"{folder}/{rest}", st.sampled_from(FOLDERS), wild)
    long = st.builds(
        lambda piece, times: piece * times, st.sampled_from(["a", "a/", "/", "é", "../", "./"]), st.integers(1, 3 * SEGMENT_CHARS)
    )
    return st.one_of(ordinary_paths(), wild, rooted, long, st.text(max_size=40))


def ordinary_paths() -> st.SearchStrategy[str]:
    """Few enough that they meet each other: a folder where a file was, a file below a file."""
    return st.sampled_from(["/a", "/b", "/a/x", "/a/x/y", "/plans", "/plans/p", "/plans/q", "/c//z", "d", "/artifacts/./r.md", "/", ""])
