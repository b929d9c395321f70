"""Hypothesis strategies for whoever tests something that meets hostile input: what the two sides of the boundary may say to each other.

They make ordinary things and hostile ones, and shrink to the smallest that still fails:

    from hypothesis import given
    from cellblock.testing import cells

    @given(cells(names=("x",), externals=("llm_query",)))
    def test_no_cell_stops_my_product(source): ...
"""

from __future__ import annotations

try:
    import hypothesis as _hypothesis
except ImportError:
    raise ImportError('cellblock.testing needs Hypothesis; run: pip install "cellblock[testing]"') from None

from .cells import cells
from .damage import damaged
from .frames import frames, good_frames
from .paths import paths
from .replies import replies
from .snapshots import snapshots
from .values import hostile_values, values

__all__ = ["cells", "damaged", "frames", "good_frames", "hostile_values", "paths", "replies", "snapshots", "values"]

del _hypothesis
