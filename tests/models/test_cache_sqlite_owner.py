"""A file of answers that others can write to is no cache."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cellblock.errors import ConfigError
from cellblock.models.cache import SQLiteCache


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o666])
def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "calls.db"
    path.touch()
    path.chmod(mode)
    with pytest.raises(ConfigError, match="others could read or change what is cached there"):
        SQLiteCache(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    path.touch(mode=0o600)
    os.chown(path, 65_534, 65_534)
    with pytest.raises(ConfigError, match="others could read or change what is cached there"):
        SQLiteCache(path)


def test_a_link_is_refused_and_nothing_is_made_where_it_points_to(tmp_path: Path) -> None:
    path, target = tmp_path / "calls.db", tmp_path / "target.db"
    path.symlink_to(target)
    with pytest.raises(ConfigError, match="others could read or change what is cached there"):
        SQLiteCache(path)
    assert not target.exists()
