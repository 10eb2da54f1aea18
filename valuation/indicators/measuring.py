"""Counters of every store at the end of a month: arrays in, integers out.

The windows are years that end with the month, counted by :mod:`valuation.history` as for a
valuation, at the customers' home stores of the valuation; visits, output and margin of the month
are the serving store's.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valuation.figures import adjusted_retention, quantile
from valuation.history import COUNTERS, History, history, store_counters, to_position
from valuation.indicators.definitions import DEFINITIONS

Integers = NDArray[np.int64]

CAR_YEARS = (3, 6, 10)
CAR_AGES = ("0-3", "3-6", "6-10", "10+", "unknown")
"""Classes of the age of a customer's newest car that peers are made comparable by."""

FROM_VALUATION = ("customers", "population", "population_revenue_fen", "population_margin_fen")


@dataclass(frozen=True)
class Customers:
    """N customers of the valuation in ascending order of id.

    ``store``: position of the home store; ``value_fen``: None where the month has no valuation.
    """

    ids: Integers
    store: Integers
    value_fen: Integers | None


def month_end(month: dt.date) -> dt.date:
    """The first day of the month after: windows end before it."""
    return (month.replace(day=28) + dt.timedelta(days=4)).replace(day=1)


def car_age_class(customers: Integers, cars: pd.DataFrame, day: dt.date) -> Integers:
    """Class (position in CAR_AGES) of each customer's newest car held on ``day``."""
    cut = pd.Timestamp(day)
    held = cars[~(cars["since"] >= cut) & ~(cars["until"] <= cut) & (cars["born"] < cut)]
    place = to_position(customers, held["customer"])
    newest = np.full(len(customers), np.datetime64("NaT"), dtype="datetime64[s]")
    order = np.argsort(held["born"].to_numpy(), kind="stable")
    known = place[order] >= 0
    newest[place[order][known]] = held["born"].to_numpy(dtype="datetime64[s]")[order][known]
    years = (cut.to_datetime64().astype("datetime64[s]") - newest) / np.timedelta64(1, "D") / 365.25
    return np.where(
        np.isnat(newest), len(CAR_YEARS) + 1, np.searchsorted(CAR_YEARS, years, side="right")
    ).astype(np.int64)


def past_until(
    customers: Integers, visits: pd.DataFrame, purchases: pd.DataFrame, end: dt.date
) -> History:
    """What was known before ``end``; see :func:`valuation.history.history`."""
    cut = pd.Timestamp(end)
    before, bought = visits[visits["day"] < cut], purchases[purchases["day"] < cut]
    return history(customers, before, bought, end)


def customer_counters(past: History, who: Customers, stores: int) -> pd.DataFrame:
    """Counters of loyalty and of new customers, one row a store."""
    nothing = np.zeros(len(who.ids), dtype=np.int64)
    value = nothing if who.value_fen is None else who.value_fen
    found = store_counters(past, nothing.astype(bool), value, who.store, stores)
    found = found[[name for name in COUNTERS if name not in FROM_VALUATION]]
    if who.value_fen is None:
        return found.drop(columns="new_value_fen")
    return found.assign(new_valued=found["new"])


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


def places_among_peers(
    figures: list[dict[str, float | None]], opening: Integers, retained: Integers
) -> list[dict[str, list[float]]]:
    """Per unit of one group of peers: figure → [share of peers it is better than, peers].

    Retention is compared at the peers' common rates by car age; the others as they are.
    """
    columns = {
        key: [one.get(key) for one in figures]
        for key, definition in DEFINITIONS.items()
        if definition.shape != "sum" and definition.better != "none"
    }
    columns["retention"] = adjusted_retention(opening, retained)
    found: list[dict[str, list[float]]] = [{} for _ in figures]
    for key, column in columns.items():
        sign = -1.0 if DEFINITIONS[key].better == "down" else 1.0
        signed = [None if v is None else sign * v for v in column]
        known = sum(v is not None for v in column) - 1
        for one, own in zip(found, signed, strict=True):
            place = quantile(own, signed)
            if place is not None:
                one[key] = [round(place, 4), known]
    return found
