"""Transactions drawn from BG/NBD and Gamma-Gamma, so that both fits are of their own model.

Fader, Hardie & Lee (2005), assumptions i–v, and Fader & Hardie (2013), section 2.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

WINDOW_DAYS = 6 * 365
FIRST_DAY = np.datetime64("2020-01-01", "D")


@dataclass(frozen=True)
class Truth:
    """The law that is drawn from; times in days, money in yuan. About six transactions each."""

    r: float = 1.1
    alpha: float = 150.0
    a: float = 0.9
    b: float = 6.0
    p: float = 6.25
    q: float = 3.74
    gamma: float = 500.0


TRUTH = Truth()


def draw(customers: int, seed: int, truth: Truth = TRUTH) -> pd.DataFrame:
    """One row per transaction in the order of days, as a ledger comes.

    Columns ``customer`` int64, ``day`` datetime64[s], ``revenue`` float64 yuan. Every customer has
    at least one transaction, on a day spread evenly over six years.
    """
    rng = np.random.default_rng([seed, customers])
    rate = rng.gamma(truth.r, 1.0 / truth.alpha, customers)
    dropout = rng.beta(truth.a, truth.b, customers)
    # Spend per transaction is Gamma(p, ν), ν Gamma(q, γ) across customers.
    scale = 1.0 / rng.gamma(truth.q, 1.0 / truth.gamma, customers)
    now = rng.uniform(0.0, WINDOW_DAYS, customers)
    alive = np.arange(customers)
    who, when = [alive], [now]
    while alive.size:
        now = now + rng.exponential(1.0, alive.size) / rate[alive]
        inside = now < WINDOW_DAYS
        alive, now = alive[inside], now[inside]
        who.append(alive)
        when.append(now)
        stays = rng.random(alive.size) >= dropout[alive]
        alive, now = alive[stays], now[stays]
    customer, day = np.concatenate(who), np.floor(np.concatenate(when)).astype(np.int64)
    revenue = rng.gamma(truth.p, scale[customer])
    order = np.lexsort((customer, day))
    return pd.DataFrame(
        {
            "customer": customer[order].astype(np.int64),
            "day": (FIRST_DAY + day[order]).astype("datetime64[s]"),
            "revenue": revenue[order],
        }
    )
