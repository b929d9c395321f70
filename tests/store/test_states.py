"""Random operations of three connections against a plain model."""

from __future__ import annotations

import itertools
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from .states import StoreStates


def test_a_store_in_a_file_does_what_its_model_does(tmp_path: Path) -> None:
    numbers = itertools.count()

    class InAFile(StoreStates):
        def empty(self) -> None:
            self.place = str(tmp_path / f"{next(numbers)}.db")

    run_state_machine_as_test(InAFile, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))


@pytest.mark.xdist_group("postgres")
def test_a_store_in_postgresql_does_what_its_model_does(postgres_place: str) -> None:
    class OnAServer(StoreStates):
        place = postgres_place

        def empty(self) -> None:
            with psycopg.connect(self.place, autocommit=True) as connection:
                connection.execute("DROP SCHEMA IF EXISTS cellblock CASCADE")

    run_state_machine_as_test(OnAServer, settings=settings(max_examples=8, stateful_step_count=30, deadline=None))
