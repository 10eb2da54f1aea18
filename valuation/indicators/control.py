"""Whether a figure's last month is out of the ordinary: own control limits, or its peers'.

Individuals chart (XmR, Wheeler and Chambers 1992): centre ± 2.66 × mean moving range of the points
before. Figures of one month are compared with the same month a year before, because of the seasons;
figures of twelve months move by the month that comes and the one that goes, so their steps are
charted, not their levels.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

WIDTH = 2.66
FEWEST_POINTS = 8
LOW_PLACE = 0.10
FEWEST_PEERS = 5

Reason = Literal["limits", "peers"]


@dataclass(frozen=True)
class Limits:
    """Centre and ends of what is ordinary for the ``last`` point."""

    centre: float
    low: float
    high: float
    last: float

    @property
    def off(self) -> Literal["low", "high", ""]:
        if self.last < self.low:
            return "low"
        return "high" if self.last > self.high else ""


def limits(points: Sequence[float | None]) -> Limits | None:
    """Limits from all points but the last; None with fewer than eight, or where the last is none.

    Gaps are left out: no point is put in their place, and no range is taken across one.
    """
    *before, last = points if points else (None,)
    known = [one for one in before if one is not None]
    ranges = [abs(b - a) for a, b in itertools.pairwise(before) if a is not None and b is not None]
    if last is None or len(known) < FEWEST_POINTS or not ranges:
        return None
    centre, width = float(np.mean(known)), WIDTH * float(np.mean(ranges))
    return Limits(centre, centre - width, centre + width, last)


def yearly_changes(series: Sequence[float | None]) -> list[float | None]:
    """Each month against the same month a year before; None without either."""
    return [
        None if now is None or not before or before < 0 else now / before - 1.0
        for before, now in zip(series, series[12:], strict=False)
    ]


def steps(series: Sequence[float | None]) -> list[float | None]:
    """Each month less the one before; None without either."""
    return [
        None if now is None or before is None else now - before
        for before, now in itertools.pairwise(series)
    ]


def anomaly(
    series: Sequence[float | None],
    *,
    monthly: bool,
    better: Literal["up", "down", "none"],
    place: float | None,
    peers: int,
) -> Reason | None:
    """Why the last month of ``series`` needs somebody, None where it does not.

    ``monthly``: a figure of one month, else of twelve. ``place``: share of ``peers`` that it beats.
    """
    found = limits(yearly_changes(series) if monthly else steps(series))
    worse = "low" if better == "up" else "high"
    if found is not None and better != "none" and found.off == worse:
        return "limits"
    if place is not None and peers >= FEWEST_PEERS and place <= LOW_PLACE:
        return "peers"
    return None
