"""Who a unit's peers are, and its place among them: one method for valuation and indicators.

Peers of a store are the stores of its division, of any other unit the units of its level. Figures
are compared as they are, retention at the peers' common rates by the age of the customer's car
(indirect standardisation): the age, not the years with the group, is what bands and the trade tell
retention by, and a bought fleet of old cars is as old as one's own. The age is that of a year
before, when the customer was still to be kept: a car that was sold within the year, the commonest
way of leaving, would else stand in a class of its own of those who left.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation.figures import adjusted_retention, quantile
from valuation.history import History
from valuation.units import Node, Tree

Integers = NDArray[np.int64]
Figures = Mapping[str, float | None]

# Part of what a month is recorded by: bumped when places are found in another way.
METHOD = "car age a year before"
CAR_YEARS = (3, 6, 10)
CAR_AGES = ("0-3", "3-6", "6-10", "10+", "unknown")
"""Classes of the age of a customer's newest car that peers are made comparable by."""
_DAYS_A_YEAR = 365.25
_EPOCH = dt.date(1970, 1, 1)
# Days of a period that has no beginning or no end.
NEVER, ALWAYS = 2**40, -(2**40)


@dataclass(frozen=True)
class Cars:
    """Every car that somebody holds or held, one row each; days since 1970.

    ``born``: when the car was built, else when it was first held; ``since`` and ``until``: when it
    was held, ALWAYS and NEVER where that is not known.
    """

    customer: Integers
    born: Integers
    since: Integers
    until: Integers


def a_year_before(end: dt.date) -> dt.date:
    """The day on which the customers of the twelve months before ``end`` were to be kept."""
    day = 28 if (end.month, end.day) == (2, 29) else end.day
    return end.replace(year=end.year - 1, day=day)


def car_age_class(customers: Integers, cars: Cars, day: dt.date) -> Integers:
    """Class (position in CAR_AGES) of each customer's newest car held on ``day``.

    ``customers`` (N,): ids in ascending order.
    """
    cut = (day - _EPOCH).days
    held = (cars.since < cut) & (cars.until > cut) & (cars.born < cut)
    of, born = cars.customer[held], cars.born[held]
    place = np.minimum(np.searchsorted(customers, of), max(len(customers) - 1, 0))
    known = customers[place] == of if len(customers) else np.zeros(len(of), dtype=bool)
    newest = np.full(len(customers), ALWAYS, dtype=np.int64)
    np.maximum.at(newest, place[known], born[known])
    classes = np.searchsorted(CAR_YEARS, (cut - newest) / _DAYS_A_YEAR, side="right")
    return np.where(newest == ALWAYS, len(CAR_YEARS) + 1, classes).astype(np.int64)


def age_mix(
    past: History, classes: Integers, store: Integers, stores: int
) -> tuple[Integers, Integers]:
    """Opening and retained customers by store and class of their car's age, (S, C) each."""
    shape = (stores, len(CAR_AGES))
    opening, retained = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    was = past.active[:, 1]
    np.add.at(opening, (store, classes), was)
    np.add.at(retained, (store, classes), was & past.active[:, 0])
    return opening, retained


def main_age(opening: Integers) -> str:
    """The class of car age most of a unit's customers are in; "" where none is known."""
    known = opening[: len(CAR_AGES) - 1]
    return CAR_AGES[int(known.argmax())] if known.sum() else ""


@dataclass(frozen=True)
class Place:
    """A unit among its peers. ``shares``: by figure the share of peers that it is better than, None
    where fewer than two have the figure; ``known``: how many peers have it. ``adjusted_retention``:
    retained customers by those expected of its mix of cars."""

    peers: int
    shares: dict[str, float | None]
    known: dict[str, int]
    adjusted_retention: float | None
    opening: Integers


def places(
    tree: Tree,
    figures: Mapping[int, Figures],
    names: Sequence[str],
    opening: Integers,
    retained: Integers,
    falling: Collection[str] = (),
) -> dict[int, Place]:
    """The place of every unit of the tree, by its id.

    ``figures``: by unit; ``names``: those to compare, ``falling``: those of them that are better
    when lower. ``opening``, ``retained``: (S, C) of :func:`age_mix`, in the order of the stores.
    """
    found: dict[int, Place] = {}
    for members in _groups(tree):
        below = [tree.stores_below(node.id) for node in members]
        mixes = np.stack([opening[b].sum(axis=0) for b in below])
        adjusted = adjusted_retention(mixes, np.stack([retained[b].sum(axis=0) for b in below]))
        columns = {name: [figures[node.id].get(name) for node in members] for name in names}
        columns["retention"] = adjusted
        shares = {name: _shares(column, name in falling) for name, column in columns.items()}
        known = {name: sum(v is not None for v in one) - 1 for name, one in columns.items()}
        for i, node in enumerate(members):
            own = {name: column[i] for name, column in shares.items()}
            found[node.id] = Place(len(members) - 1, own, known, adjusted[i], mixes[i])
    return found


def _groups(tree: Tree) -> list[list[Node]]:
    groups: dict[tuple[str, int], list[Node]] = {}
    for node in tree.nodes:
        brand = tree.division_of(node).id if node.level == "store" else 0
        groups.setdefault((node.level, brand), []).append(node)
    return list(groups.values())


def _shares(column: Sequence[float | None], falls: bool) -> list[float | None]:
    sign = -1.0 if falls else 1.0
    signed = [None if one is None else sign * one for one in column]
    return [quantile(own, signed) for own in signed]
