"""Shares of a count, and how sure they are."""

from __future__ import annotations

import math

Z95 = 1.959963984540054


def wilson(hits: int, count: int, z: float = Z95) -> tuple[float, float]:
    """The 95 % interval of a share. Source: E. B. Wilson, Probable Inference, JASA 22 (1927), pages 209 to 212."""
    if not 0 <= hits <= count or count == 0:
        raise ValueError(f"{hits} of {count} is no share")
    share = hits / count
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def sign_test(gained: int, lost: int) -> float:
    """How likely a difference at least as large is if neither of two settings is better (two-sided, exact).

    Args:
        gained: pairs that the second alone got right.
        lost: pairs that the first alone got right.
    """
    pairs, most = gained + lost, max(gained, lost)
    tail: int = sum(math.comb(pairs, number) for number in range(most, pairs + 1))
    return min(1.0, tail / 2 ** (pairs - 1)) if pairs else 1.0
