"""The order of a set is part of what a cell prints, so a set that comes back must be walked as the one that was saved.

Where an item lies depends on its hash and on which items were there before it. From the order of the walk and the hashes follows
where each one lies; from that, which others it found in its way; and from that an order of arrival that leads there again.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

FEW = 5
"""Of so many items all orders are tried."""
MANY = 2_000
"""From so many on the order is not looked for: it takes about 50 microseconds for each item."""
PLACES = 40
"""How many of an item's places are considered."""
LINEAR_PROBES, PERTURB_SHIFT, SMALLEST = 9, 5, 8
"""Source: Objects/setobject.c of CPython 3.11 to 3.13."""
_HASHED_NATIVELY = (str, int, float, bytes, bool, type(None))


def in_order(value: Collection[Any]) -> list[Any]:
    """The items in an order in which a fresh set, made of them, is walked as this one is.

    Where none is found, in the order of this one: after much that was discarded there may be none.
    """
    wanted = list(value)
    if not 1 < len(wanted) < MANY or not all(type(item) in _HASHED_NATIVELY for item in wanted):
        return wanted  # to ask other objects for their hashes would run the cell's code
    orders = map(list, itertools.permutations(wanted)) if len(wanted) <= FEW else _arrival(wanted, _table_size(value))
    return next((order for order in orders if list(set(order)) == wanted), wanted)


def _table_size(value: Collection[Any]) -> int:
    return max(SMALLEST, (sys.getsizeof(value) - sys.getsizeof(type(value)())) // 16)


def _arrival(wanted: list[Any], size: int) -> Iterator[list[Any]]:
    probes = [list(itertools.islice(_probes(hash(item), size - 1), PLACES)) for item in wanted]
    places = _places(probes)
    if places is None:
        return
    there = {place: number for number, place in enumerate(places)}
    before = {}
    for number, own in enumerate(probes):
        before[number] = [there.get(place, number) for place in own[: own.index(places[number])]]
    try:
        # Those that found nothing in their way come first: when the table grows, they may be put in again in any order.
        late = [number for number in TopologicalSorter(before).static_order() if before[number]]
    except CycleError:
        return
    yield [wanted[number] for number in before if not before[number]] + [wanted[number] for number in late]


def _probes(number: int, mask: int) -> Iterator[int]:
    perturb, place = number % 2**64, number & mask
    while True:
        yield from range(place, place + (LINEAR_PROBES + 1 if place + LINEAR_PROBES <= mask else 1))
        perturb >>= PERTURB_SHIFT
        place = (place * 5 + 1 + perturb) & mask


def _places(probes: list[list[int]]) -> list[int] | None:
    """Rising places, one for each item, as early among its own as can be."""
    # For the items so far: by the last place, the least cost and the places that lead there.
    paths: list[tuple[int, int, Any]] = [(-1, 0, None)]
    for own in probes:
        best: Any = None
        index, found = 0, []
        for place, cost in sorted({place: cost for cost, place in reversed(list(enumerate(own)))}.items()):
            while index < len(paths) and paths[index][0] < place:
                best = paths[index] if best is None or paths[index][1] < best[1] else best
                index += 1
            if best is not None:
                found.append((place, best[1] + cost, (place, best[2])))
        if not found:
            return None
        paths = found
    chain = min(paths, key=lambda path: path[1])[2]
    places = []
    while chain is not None:
        places.append(chain[0])
        chain = chain[1]
    return places[::-1]
