"""Concentration limits: no store, brand, region or customer holds more than its share of a pool.

Whole customers are left out of a bucket that is too large, in the order of a hash that nobody
chooses, until every share of what remains is within its limit. The total that shares refer to is
that of the pool after exclusion: with limit c it solves T = sum over buckets of min(v, c T).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation.refusals import Refusal, Refused, gettext_noop

Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

UNREACHABLE = gettext_noop(
    "%(field)s: with %(count)s of them no pool stays within %(limit)s; take at least %(least)s."
)
MOST_ROUNDS = 200


@dataclass(frozen=True)
class Bucketing:
    """One limit: its field, share of one, and each customer's bucket (N,) from 0."""

    field: str
    share: float
    bucket: Integers


def capped_total(values: Integers, share: float) -> float:
    """The T with T = Σ min(v, share · T) for positive ``values`` of buckets; 0 if there is none."""
    sizes = np.sort(values[values > 0].astype(float))[::-1]
    total, rest = 0.0, float(sizes.sum())
    for held_back, size in enumerate(sizes):
        left = 1.0 - held_back * share
        if left <= 1e-12:
            return 0.0
        total = rest / left
        if size <= share * total * (1 + 1e-12):
            return total
        rest -= float(size)
    return 0.0


def excess(value: Integers, limits: list[Bucketing], order: Integers) -> Mapping[str, Bools]:
    """By field of the limit, the customers (N,) who are left out because of it.

    ``order`` (N,): rank by which customers of a bucket leave, the highest first. A customer leaves
    once. Raises :class:`Refused` where no pool can be within a limit.
    """
    kept = value > 0
    found = {one.field: np.zeros(len(value), dtype=bool) for one in limits}
    # Nobody's excess: a customer of no or negative value concentrates nothing.
    base = ~kept
    for _ in range(MOST_ROUNDS):
        left = 0
        for one in limits:
            out = _too_much(value, kept, one, order)
            found[one.field] |= out
            kept = kept & ~out
            left += int(out.sum())
        if not left:
            return found
        if not (kept | base).any():
            break
    raise Refused([Refusal(one.field, UNREACHABLE, _reach(one)) for one in limits])


def _reach(one: Bucketing) -> dict[str, str]:
    count = len(np.unique(one.bucket))
    return {
        "count": str(count),
        "limit": f"{one.share:.1%}",
        "least": f"{min(np.ceil(1000.0 / max(count, 1)) / 10, 100):g}%",
    }


def _too_much(value: Integers, kept: Bools, one: Bucketing, order: Integers) -> Bools:
    count = int(one.bucket.max(initial=-1)) + 1
    held = np.bincount(one.bucket[kept], value[kept].astype(float), count)
    if not kept.any():
        return np.zeros(len(value), dtype=bool)
    total = capped_total(np.rint(held).astype(np.int64), one.share)
    if total <= 0:
        raise Refused([Refusal(one.field, UNREACHABLE, _reach(one))])
    allowed = one.share * total
    out = np.zeros(len(value), dtype=bool)
    for bucket in np.flatnonzero(held > allowed * (1 + 1e-9)):
        rows = np.flatnonzero(kept & (one.bucket == bucket))
        rows = rows[np.argsort(order[rows], kind="stable")]
        staying = np.cumsum(value[rows]) <= allowed
        out[rows[~staying]] = True
    return out
