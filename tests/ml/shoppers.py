"""Customers drawn from MBG/CNBD-k itself, with the year that follows."""

import numpy as np


def regular_shoppers(customers: int, *, k: int, seed: int, r=2.0, mean_gap=110.0, a=0.9, b=6.0):
    """x, t_x, T (days), Σ log gaps, and transactions of the 365.25 days after T; ages 200-2,000."""
    rng = np.random.default_rng(seed)
    age = rng.integers(200, 2000, customers).astype(float)
    rate = rng.gamma(r, 1.0 / (mean_gap * (r - 1) / k), customers)
    drop = rng.beta(a, b, customers)
    now, t_x, litt, x, came = np.zeros((5, customers))
    live = np.flatnonzero(rng.random(customers) > drop)
    while live.size:
        gap = rng.gamma(k, 1.0, live.size) / rate[live]
        now[live] += gap
        inside = now[live] < age[live] + 365.25
        live, gap = live[inside], gap[inside]
        past = now[live] < age[live]
        x[live[past]] += 1
        t_x[live[past]] = now[live[past]]
        litt[live[past]] += np.log(gap[past])
        came[live[~past]] += 1
        live = live[rng.random(live.size) > drop[live]]
    return x, t_x, age, litt, came
