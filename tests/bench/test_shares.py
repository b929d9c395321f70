from __future__ import annotations

import pytest
from shares import sign_test, wilson


# Source: R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3; the two ends by hand.
@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718), (20, 20, 0.8389, 1.0)],
)
def test_an_interval_is_the_published_one(hits: int, count: int, low: float, high: float):
    assert wilson(hits, count) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(("hits", "count"), [(0, 0), (-1, 5), (6, 5)])
def test_what_is_no_share_is_refused(hits: int, count: int):
    with pytest.raises(ValueError, match="no share"):
        wilson(hits, count)


@pytest.mark.parametrize(("gained", "lost", "chance"), [(0, 0, 1.0), (5, 0, 0.0625), (0, 5, 0.0625), (3, 3, 1.0), (10, 2, 158 / 4096)])
def test_a_difference_is_as_likely_as_that_many_heads_in_a_row_of_tosses(gained: int, lost: int, chance: float):
    assert sign_test(gained, lost) == pytest.approx(chance)
