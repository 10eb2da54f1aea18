"""A dealer group's customers and their visits, drawn in whole columns: no BG/NBD sampler.

Regular maintenance with skipped services, repairs that grow with age, accidents, and drop-out after
bad visits, after the warranty and by distance. A block of customers takes about two seconds per
hundred thousand; every block has its own stream, so sizes share their first customers.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCK = 100_000
YEARS = 11
MAINTENANCE, REPAIR, ACCIDENT = 0, 1, 2

# Of each division: interval in days, spend in yuan, share, yearly drop-out, the same past warranty.
DIVISIONS: dict[str, tuple[float, float, float, float, float]] = {
    "LUX": (330.0, 2800.0, 0.4, 0.07, 0.22),
    "JV": (210.0, 1200.0, 0.4, 0.10, 0.30),
    "OWN": (180.0, 800.0, 0.2, 0.13, 0.40),
}


@dataclass(frozen=True)
class Block:
    """``people``: ``number, division`` (0–2), ``store`` (a number), ``sold`` and ``warranty`` (days
    since 1970), ``km`` (distance), ``fleet``. ``visits``: ``person`` (number), ``day``, ``kind``,
    ``fen``, ``cost``, ``km`` (odometer), ``covered``, ``wait``, ``bad``, by person and day.
    """

    people: pd.DataFrame
    visits: pd.DataFrame


def draw_block(number: int, size: int, seed: int, stop: int, stores: int) -> Block:
    """Block ``number`` with ``size`` customers; ``stop`` is the day after the last record."""
    rng = np.random.default_rng([seed, number])
    table = np.array(list(DIVISIONS.values()))
    division = rng.choice(len(table), size, p=table[:, 2])
    interval, spend, _, leave, leave_later = table[division].T
    distance = rng.lognormal(2.2, 0.8, size)
    far = rng.gamma(2, 0.5, size) * (1 + distance / 40)
    sold = rng.integers(stop - YEARS * 365, stop, size)
    warranty = sold + np.where(rng.random(size) < 0.2, 5, 3) * 365
    people = pd.DataFrame(
        {
            "number": np.arange(size) + number * BLOCK + 1,
            "division": division,
            "store": rng.integers(0, max(stores // len(table), 1), size) * len(table) + division,
            "sold": sold,
            "warranty": warranty,
            "km": distance.round(1),
            "fleet": rng.random(size) < 0.03,
        }
    )
    traits = pd.DataFrame(
        {
            "interval": interval * rng.lognormal(0, 0.15, size),
            "spend": spend * rng.lognormal(0, 0.4, size),
            "leave": leave * far,
            "later": leave_later * far,
            "skip": rng.beta(1.5, 6, size),
            "km": rng.lognormal(3.6, 0.4, size),
        }
    )
    return Block(people, _visits(rng, people, traits, stop))


def _visits(
    rng: np.random.Generator, people: pd.DataFrame, traits: pd.DataFrame, stop: int
) -> pd.DataFrame:
    sold = people["sold"].to_numpy(dtype=float)
    warranty = people["warranty"].to_numpy(dtype=float)
    interval, skip = traits["interval"].to_numpy(), traits["skip"].to_numpy()
    who, now = np.arange(sold.size), sold.copy()
    due = sold + interval * rng.lognormal(0, 0.15, sold.size)
    rounds = []
    while who.size:
        repair = now + rng.exponential(365 / (0.25 + 0.08 * (now - sold[who]) / 365))
        crash = now + rng.exponential(365 / 0.19, who.size)
        planned = np.where(rng.random(who.size) < skip[who], due + interval[who], due)
        at = np.minimum(np.minimum(planned, repair), crash)
        rate = np.where(at > warranty[who], traits["later"].to_numpy()[who], 0.0)
        rate = np.where(at > warranty[who], rate, traits["leave"].to_numpy()[who])
        stays = (rng.random(who.size) < np.exp(-rate * (at - now) / 365)) & (at < stop - 1)
        who, at, planned, repair, crash, due = (
            part[stays] for part in (who, at, planned, repair, crash, due)
        )
        kind = np.where(at == crash, ACCIDENT, np.where(at == repair, REPAIR, MAINTENANCE))
        bad = rng.random(who.size) < 0.06
        day = np.floor(at)
        rounds.append((who, day, kind, bad))
        fresh = at + interval[who] * rng.lognormal(0, 0.15, who.size)
        due = np.where(kind == MAINTENANCE, fresh, np.maximum(due, at + 1))
        stays = ~bad | (rng.random(who.size) > 0.4)
        who, now, due = who[stays], day[stays] + 1, due[stays]
    who, day, kind, bad = (np.concatenate(parts) for parts in zip(*rounds, strict=True))
    order = np.lexsort((day, who))
    who, day, kind, bad = who[order], day[order], kind[order], bad[order]
    money = traits["spend"].to_numpy()[who] * rng.gamma(3, 1 / 3, who.size)
    fen = np.round(money * np.where(kind == ACCIDENT, 400.0, 100.0)).astype(np.int64)
    margin = np.where(kind == ACCIDENT, 0.5, 0.42)
    return pd.DataFrame(
        {
            "person": people["number"].to_numpy()[who],
            "day": day.astype(np.int64),
            "kind": kind,
            "fen": fen,
            "cost": (fen * (1 - margin)).astype(np.int64),
            "km": ((day - sold[who]) * traits["km"].to_numpy()[who]).astype(np.int64),
            "covered": (kind == REPAIR) & (day < warranty[who]),
            "wait": (rng.gamma(4, 20, who.size) * np.where(bad, 1.5, 1.0)).astype(np.int64),
            "bad": bad,
        }
    )
