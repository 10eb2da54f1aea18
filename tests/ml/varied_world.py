"""A dealer group of many possible shapes: what a training must cope with that was tuned to none.

Played week by week: services due by time or mileage, whichever first, and skipped or late; repairs
that grow with age, accidents, tyres changed in spring and autumn; owners who leave by erosion, at
the end of the warranty, after a bad visit or because they move, and come back through recalls;
stores whose quality drifts. Written independently of the demonstration group and of
``tests.ml.dealer_world``.
"""

import datetime
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.extraction import Extract
from ml.records import Records

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

END = datetime.date(2025, 7, 1)
SERVICE, REPAIR, ACCIDENT, TYRES, RECALL = range(5)
_PRICE = np.array([1.0, 1.3, 4.5, 0.6, 0.8])
_MARGIN = np.array([0.45, 0.40, 0.35, 0.30, 0.25])
_WEEKS = 365.25 / 7


@dataclass(frozen=True)
class Brand:
    """Service interval in days and km, mean price of a service in yuan, yearly share of owners who
    leave within and after the warranty, share who leave at its end."""

    days: float = 300.0
    km: float = 9000.0
    price: float = 900.0
    leave: float = 0.07
    leave_later: float = 0.20
    step: float = 0.20


BRANDS = {
    "ALPHA": Brand(365, 12_000, 1500, 0.05, 0.14, 0.15),
    "BETA": Brand(240, 7_500, 800, 0.08, 0.22, 0.25),
    "GAMMA": Brand(182, 5_000, 500, 0.12, 0.30, 0.35),
}


@dataclass(frozen=True)
class Shape:
    """What a group is like; ``history``: years of records, ``sales``: years of sales before the
    end, ``growth``: of yearly sales, ``prices``: yearly rise of prices."""

    customers: int = 2_000
    brands: dict[str, Brand] = field(default_factory=lambda: dict(BRANDS))
    stores: int = 2
    history: float = 6.0
    sales: float = 9.0
    growth: float = 0.0
    prices: float = 0.0
    leaving: float = 1.0
    skip: float = 0.15
    accidents: float = 0.12
    recalls: float = 0.6
    tyres: float = 0.2
    surveys: float = 0.2
    companies: float = 0.04
    bought_here: float = 0.8
    mileage: bool = True
    intervals: bool = True
    purchases: bool = True
    costs: bool = True
    money: bool = True
    vehicles: bool = True


@dataclass(frozen=True)
class World:
    """``latent``: state of each customer on the first day of the last year, unseen by any model."""

    extract: Extract
    latent: pd.DataFrame


def varied_world(
    shape: Shape, seed: int = 1, end: datetime.date = END, peek_days: int = 365
) -> World:
    """Play one group up to ``end`` (exclusive)."""
    stop = (end - datetime.date(1970, 1, 1)).days
    play = _Play(shape, np.random.default_rng(seed), stop, stop - peek_days)
    play.run()
    return World(_extract(shape, play, end), play.seen)


class _Play:
    def __init__(self, shape: Shape, rng: np.random.Generator, stop: int, peek: int) -> None:
        n = shape.customers
        self.shape, self.rng, self.stop, self.peek = shape, rng, stop, peek
        self.start = stop - int(shape.sales * 365.25)
        self.first_record = stop - int(shape.history * 365.25)
        brands = list(shape.brands.values())
        self.brand = rng.integers(0, len(brands), n)
        self.store = self.brand * shape.stores + rng.integers(0, shape.stores, n)
        table = np.array([(b.days, b.km, b.price, b.leave, b.leave_later, b.step) for b in brands])
        days, km, self.price, self.leave, self.later, self.step = table[self.brand].T
        u = rng.random(n) ** (1.0 / (1.0 + max(shape.growth, 0.0) * shape.sales / 2))
        self.sold = (self.start + u * (stop - self.start - 1)).astype(np.int64)
        self.bought = rng.random(n) < shape.bought_here
        # Others come with a car some years old.
        self.built = self.sold - np.where(self.bought, 40, rng.integers(200, 2000, n))
        self.warranty = self.built + 40 + np.where(rng.random(n) < 0.2, 1826, 1096)
        self.company = rng.random(n) < shape.companies
        self.km_day = rng.lognormal(3.45, 0.4, n) * np.where(self.company, 1.8, 1.0)
        self.nominal = days, km
        self.interval = np.minimum(days, km / self.km_day) * rng.lognormal(0.03, 0.2, n)
        self.distance = rng.lognormal(2.2, 0.8, n)
        self.frailty = rng.gamma(2.0, 0.5, n) * (1 + self.distance / 50) * shape.leaving
        self.skip = rng.beta(1.2, 1.2 / shape.skip - 1.2, n) if shape.skip > 0 else np.zeros(n)
        self.level = rng.lognormal(0.0, 0.3, n)
        self.tyred = rng.random(n) < shape.tyres
        self.due = self.sold + self.interval * rng.lognormal(0, 0.15, n)
        self.moves = self.sold + rng.exponential(365.25 / 0.04, n)
        self.attached = rng.random(n) < np.where(self.bought, 0.95, 1.0)
        self.km_at_sale = np.where(self.bought, 20.0, (self.sold - self.built) * self.km_day)
        self.quality = np.zeros(len(brands) * shape.stores)
        self.rows: list[tuple[Ints, Ints, Ints, NDArray[np.bool_]]] = []
        self.seen = pd.DataFrame()

    def run(self) -> None:
        rng, n = self.rng, self.shape.customers
        for week in range(self.start, self.stop, 7):
            if not len(self.seen) and week + 7 > self.peek:
                self.seen = pd.DataFrame(
                    {
                        "attached": self.attached & (self.moves > week),
                        "due_in": self.due - week,
                        "interval": self.interval,
                        "skip": self.skip,
                        "frailty": self.frailty,
                        "born": self.sold <= week,
                    }
                )
            self.quality += rng.normal(0, 0.03, self.quality.size) - 0.004 * self.quality
            live = np.flatnonzero((self.sold <= week) & (self.moves > week))
            if live.size == 0:
                continue
            self._leave(week, live)
            come = np.zeros(n, dtype=np.int64) - 1
            self._tyres(week, live, come)
            self._chance(week, live, come)
            self._service(week, live, come)
            if rng.random() < self.shape.recalls / _WEEKS:
                self._recall(week, live)
            who = np.flatnonzero(come >= 0)
            self._visit(who, week + rng.integers(0, 7, who.size), come[who])

    def _leave(self, week: int, live: Ints) -> None:
        covered = self.warranty[live] > week
        ending = covered & (self.warranty[live] <= week + 7)
        rate = np.where(covered, self.leave[live], self.later[live]) / _WEEKS
        rate = rate * self.frailty[live] * np.exp(-0.5 * self.quality[self.store[live]])
        rate = np.where(ending, np.minimum(self.step[live] * self.shape.leaving, 0.9), rate)
        u = self.rng.random(live.size)
        now = self.attached[live]
        self.attached[live] = np.where(now, u >= rate, u < 0.02 / _WEEKS)

    def _service(self, week: int, live: Ints, come: Ints) -> None:
        due = live[self.due[live] < week + 7]
        late = self.rng.lognormal(2.6, 0.8, due.size)
        past = self.warranty[due] <= week
        skipped = self.rng.random(due.size) < np.where(past, 1.8, 1.0) * self.skip[due]
        comes = self.attached[due] & ~skipped
        mine = due[comes]
        wait = self.rng.random(mine.size) < np.minimum(7.0 / late[comes], 1.0)
        here = mine[wait]
        come[here] = SERVICE
        self.due[here] = week + self.interval[here] * self.rng.normal(1.0, 0.08, here.size)
        other = due[~comes]
        self.due[other] += self.interval[other] * self.rng.uniform(0.4, 1.0, other.size)

    def _chance(self, week: int, live: Ints, come: Ints) -> None:
        rng, age = self.rng, (week - self.built[live]) / 365.25
        here = self.attached[live]
        broken = rng.random(live.size) < (0.15 + 0.05 * age) / _WEEKS * np.where(here, 1.0, 0.04)
        crashed = rng.random(live.size) < self.shape.accidents / _WEEKS * np.where(here, 1.0, 0.1)
        come[live[broken]] = REPAIR
        come[live[crashed]] = ACCIDENT

    def _tyres(self, week: int, live: Ints, come: Ints) -> None:
        month = datetime.date.fromordinal(719163 + week).month
        if month in (4, 11):
            chosen = self.tyred[live] & self.attached[live]
            come[live[chosen & (self.rng.random(live.size) < 0.2)]] = TYRES

    def _recall(self, week: int, live: Ints) -> None:
        brand = self.rng.integers(0, len(self.shape.brands))
        begin = week - self.rng.integers(400, 2500)
        called = live[(self.brand[live] == brand) & (self.built[live] >= begin)]
        called = called[self.built[called] < begin + 600]
        comes = self.rng.random(called.size) < np.where(self.attached[called], 0.6, 0.3)
        mine = called[comes]
        back = self.rng.random(mine.size) < 0.25
        self.attached[mine[back]] = True
        self._visit(mine, week + self.rng.integers(3, 120, mine.size), np.full(mine.size, RECALL))

    def _visit(self, who: Ints, day: Ints, kind: Ints) -> None:
        quality = self.quality[self.store[who]]
        bad = self.rng.random(who.size) < 0.07 * np.exp(-0.5 * quality)
        self.rows.append((who, day, kind, bad))
        lost = bad & (self.rng.random(who.size) < 0.4)
        self.attached[who[lost]] = False


def _dates(days: Ints) -> pd.Series:
    return pd.Series(np.asarray(days).astype("datetime64[D]").astype("datetime64[s]"))


def _extract(shape: Shape, play: _Play, end: datetime.date) -> Extract:
    names, n = list(shape.brands), shape.customers
    visits = _visit_days(shape, play)
    number = np.arange(n, dtype=np.int64)
    known = np.isin(number, visits["customer"])
    recorded = play.bought & (play.sold < play.stop)
    if not shape.purchases:
        recorded = np.zeros(n, dtype=bool)
    born = known | recorded
    people = pd.DataFrame(
        {
            "division": np.array(names)[play.brand],
            "segment": np.where(play.company, "organisation", "person"),
            "distance_km": np.where(play.rng.random(n) < 0.1, np.nan, play.distance),
            "store": play.store + 1,
            "kind": np.where(play.company, "company", "person"),
        },
        index=pd.Index(number, name="customer"),
    )
    nothing, whole = np.full(n, np.nan), np.ones(n)
    days, km = play.nominal
    gone = (play.moves < play.stop) & (play.rng.random(n) < 0.4)
    never = np.datetime64("NaT")
    vehicles = pd.DataFrame(
        {
            "customer": number,
            "vehicle": number,
            "store": play.store + 1,
            "owned_from": _dates(play.sold),
            "owned_to": _dates(play.moves.astype(np.int64)).where(gone, never),
            "sold_on": _dates(play.sold).where(recorded, never),
            "built_on": _dates(play.built),
            "warranty_until": _dates(play.warranty),
            "extended_warranty": play.warranty - play.built > 1500,
            "service_interval_days": days * whole if shape.intervals else nothing,
            "service_interval_km": km * whole if shape.intervals else nothing,
            "km_at_sale": play.km_at_sale if shape.mileage else nothing,
        }
    )[born if shape.vehicles else np.zeros(n, dtype=bool)].reset_index(drop=True)
    purchases = pd.DataFrame({"customer": number, "day": _dates(play.sold)})[recorded]
    surveys, events = _voices(shape, play, visits)
    contracts = pd.DataFrame(
        {
            "customer": number,
            "type": "insurance",
            "starts_on": _dates(play.sold),
            "ends_on": _dates(play.sold + 365 * play.rng.integers(1, 4, n)),
        }
    )[recorded].reset_index(drop=True)
    records = Records(
        people[born],
        purchases.reset_index(drop=True),
        vehicles,
        visits.drop(columns="bad"),
        surveys,
        events,
        contracts,
    )
    empty = pd.DataFrame({"store": [1], "month": [pd.Timestamp("2020-01-01")], "factor": [1.0]})
    readings = visits.loc[visits["mileage_km"].notna(), ["customer", "day", "mileage_km"]].rename(
        columns={"customer": "vehicle_id", "mileage_km": "km"}
    )
    return Extract(end, records, empty, readings.assign(maintenance=1.0), pd.DataFrame())


def _visit_days(shape: Shape, play: _Play) -> pd.DataFrame:
    who, day, kind, bad = (np.concatenate(part) for part in zip(*play.rows, strict=True))
    kept = (day >= play.first_record) & (day < play.stop) & (day < play.moves[who])
    who, day, kind, bad = who[kept], day[kept], kind[kept], bad[kept]
    rng = play.rng
    money = play.price[who] * play.level[who] * _PRICE[kind] * rng.gamma(4, 0.25, who.size)
    money *= np.exp(shape.prices * (day - play.stop) / 365.25) * (1.0 if shape.money else 0.0)
    margin = money * _MARGIN[kind] if shape.costs else money * 0.0
    crash, free = (
        kind == ACCIDENT,
        (kind == RECALL) | ((kind == REPAIR) & (day < play.warranty[who])),
    )
    mileage = play.km_at_sale[who] + (day - play.sold[who]) * play.km_day[who]
    frame = pd.DataFrame(
        {
            "customer": who.astype(np.int64),
            "day": _dates(day).to_numpy(),
            "store": play.store[who] + 1,
            "revenue": money,
            "margin": margin,
            "accident_revenue": np.where(crash, money, 0.0),
            "accident_margin": np.where(crash, margin, 0.0),
            "revenue_customer": np.where(crash | free, 0.0, money),
            "revenue_insurer": np.where(crash, money, 0.0),
            "revenue_manufacturer": np.where(free, money, 0.0),
            "mileage_km": mileage if shape.mileage else np.full(who.size, np.nan),
            "maintenance": (kind == SERVICE).astype(float),
            "repair": (kind == REPAIR).astype(float),
            "warranty_work": free.astype(float),
            "comeback": (bad & (rng.random(who.size) < 0.3)).astype(float),
            "declined": rng.poisson(0.2, who.size).astype(float),
            "wait_minutes": rng.gamma(4, 20, who.size) * np.where(bad, 1.5, 1.0),
            "bad": bad,
        }
    )
    frame = frame.sort_values(["customer", "day"], kind="stable")
    return frame.drop_duplicates(["customer", "day"]).reset_index(drop=True)


def _voices(shape: Shape, play: _Play, visits: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng, bad = play.rng, visits["bad"].to_numpy()
    asked = rng.random(len(visits)) < shape.surveys
    score = np.where(bad, rng.integers(0, 8, len(visits)), rng.integers(7, 11, len(visits)))
    later = visits["day"].to_numpy() + np.timedelta64(2 * 86400, "s")
    surveys = pd.DataFrame(
        {
            "customer": visits["customer"].to_numpy()[asked],
            "day": later[asked],
            "score": score[asked].astype(float),
        }
    )
    angry = bad & (rng.random(len(visits)) < 0.25)
    events = pd.DataFrame(
        {
            "customer": visits["customer"].to_numpy()[angry],
            "day": visits["day"].to_numpy()[angry],
            "kind": "complaint",
        }
    )
    return surveys, events
