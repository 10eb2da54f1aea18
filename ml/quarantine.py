"""Customers whose records no model can be asked about, found without losing all the others.

Two nets. :func:`screen` looks for figures that no customer can have, before anything is fitted.
:func:`isolated` halves a chunk on which a computation fails until it has found whom it fails on.
Few customers may be lost so; many are a fault of the data or of the program, and end the run.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pandas as pd
from django.db import DatabaseError
from numpy.typing import NDArray

from ml.heartbeat import LeaseLost
from ml.records import Records
from ml.remarks import Remark

T = TypeVar("T")

MOST_MONEY = 1e9
"""Yuan that no customer brings in: beyond it a figure was loaded into the wrong column."""

LONGEST_DAYS = 100 * 366
MOST_SHARE = 0.01
ALWAYS_ALLOWED = 20
MOST_HALVINGS = 25

_MONEY = ("spend", "revenue", "margin", "accident_revenue", "accident_margin")


class TooManyQuarantined(Exception):
    """More customers cannot be scored than a few bad rows explain."""


def screen(statistics: pd.DataFrame) -> dict[int, str]:
    """Why a customer of :func:`ml.statistics.sufficient_statistics` is left out, by customer."""
    found: dict[int, str] = {}

    def put_aside(mask: NDArray[np.bool_], reason: str) -> None:
        for customer in statistics.index[mask]:
            found.setdefault(int(customer), reason)

    age, recency = statistics["T"].to_numpy(float), statistics["t_x"].to_numpy(float)
    put_aside(~np.isfinite(age) | ~np.isfinite(recency), Remark("dates_no_numbers"))
    put_aside((age < 0) | (recency < 0) | (recency > age), Remark("out_of_order"))
    put_aside(age > LONGEST_DAYS, Remark("too_old"))
    for name in _MONEY:
        if name in statistics.columns:
            money = statistics[name].to_numpy(float)
            put_aside(
                np.isinf(money) | (np.abs(money) > MOST_MONEY), Remark("beyond_belief", amount=name)
            )
    return found


def without(records: Records, customers: set[int]) -> Records:
    """The records of everybody else."""
    if not customers:
        return records
    gone = list(customers)

    def kept(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[~frame["customer"].isin(gone)]

    return replace(
        records,
        customers=records.customers[~records.customers.index.isin(gone)],
        purchases=kept(records.purchases),
        vehicles=kept(records.vehicles),
        visit_days=kept(records.visit_days),
        surveys=kept(records.surveys),
        events=kept(records.events),
        contracts=kept(records.contracts),
    )


def isolated(customers: pd.Index, work: Callable[[pd.Index], T]) -> tuple[list[T], dict[int, str]]:
    """Results of ``work`` on parts of ``customers``, and on whom alone it fails, with the reason.

    One call where nothing fails. Raises the computation's own error where more than
    :data:`MOST_HALVINGS` customers would have to be left out: then it is not they who are at fault.
    """
    results: list[T] = []
    failed: dict[int, str] = {}
    waiting = [customers]
    while waiting:
        part = waiting.pop()
        if len(part) == 0:
            continue
        try:
            results.append(work(part))
        except (DatabaseError, LeaseLost, MemoryError):
            raise
        except Exception as error:
            if len(part) > 1:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
                continue
            failed[int(part[0])] = f"{type(error).__name__}: {error}"[:500]
            if len(failed) > MOST_HALVINGS:
                raise
    return results, failed


def check_share(quarantined: int, customers: int) -> None:
    """Raise :class:`TooManyQuarantined` beyond 1% of the customers and 20 of them."""
    if quarantined > max(ALWAYS_ALLOWED, MOST_SHARE * customers):
        raise TooManyQuarantined(
            Remark("too_many_left_out", found=quarantined, customers=customers)
        )
