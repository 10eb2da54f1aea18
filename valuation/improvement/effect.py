"""The effect of a task: the unit's change less that of peers that had no such task. Pure.

Difference in differences (Card and Krueger 1994) with one treated unit: the spread of the untreated
peers' own changes says how far a unit moves without a task. The interval is Student's t for a new
observation, 90%.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.stats import t as student

LEVEL = 0.90
FEWEST_PEERS = 3

Verdict = Literal["worked", "not_shown", "no_peers", "no_figure"]


@dataclass(frozen=True)
class Effect:
    """``effect`` with the ends of its interval; None where it cannot be told."""

    verdict: Verdict
    peers: int
    peers_change: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None


def effect_of(
    before: float | None,
    after: float | None,
    peers: Sequence[tuple[float | None, float | None]],
    *,
    better: Literal["up", "down"],
    relative: bool,
) -> Effect:
    """Effect on a figure that went from ``before`` to ``after``.

    ``peers``: the same two figures of each untreated peer; ``relative``: amounts are compared by
    their relative change, rates by their difference. Worked: the interval lies on the better side
    of zero.
    """
    own = _change(before, after, relative)
    changes = [c for c in (_change(b, a, relative) for b, a in peers) if c is not None]
    if own is None:
        return Effect("no_figure", len(changes))
    if len(changes) < FEWEST_PEERS:
        return Effect("no_peers", len(changes))
    count = len(changes)
    mean = math.fsum(changes) / count
    spread = math.sqrt(math.fsum((c - mean) ** 2 for c in changes) / (count - 1))
    reach = float(student.ppf((1 + LEVEL) / 2, count - 1)) * spread * math.sqrt(1 + 1 / count)
    effect = own - mean
    low, high = effect - reach, effect + reach
    worked = low > 0 if better == "up" else high < 0
    return Effect("worked" if worked else "not_shown", count, mean, effect, low, high)


def _change(before: float | None, after: float | None, relative: bool) -> float | None:
    if before is None or after is None:
        return None
    if not relative:
        return after - before
    return after / before - 1.0 if before > 0 else None
