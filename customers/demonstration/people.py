"""Who owns which car when: people, companies and fleets, and the cars that pass between them.

A *spell* is one customer's time with one car at the group. The visit process runs on spells.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from customers.demonstration.catalogue import SERIES, TIERS, price_factor, tier_values
from customers.demonstration.network import Network, electric_interval
from customers.demonstration.seasons import Clock

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PERSON, COMPANY, FLEET = 0, 1, 2
NEVER = 1_000_000

_BATTERY = np.array([series.energy == "bev" for series in SERIES])
_NEW_ENERGY = np.array([series.energy in ("phev", "bev", "erev") for series in SERIES])
_SERIES_FACTOR = np.array([price_factor(index) for index in range(len(SERIES))])
_LIST_PRICE = np.array([series.price for series in SERIES], dtype=float)


@dataclass
class People:
    """One entry per customer."""

    store: Ints
    kind: Ints
    loyalty: Floats
    price_level: Floats
    patience: Floats
    answers: Floats
    distance_km: Floats
    second_store: Ints


@dataclass
class Cars:
    """One entry per car; days are day numbers, −1 in ``sold_store`` = bought elsewhere."""

    series: Ints
    built: Ints
    sold: Ints
    sold_store: Ints
    sold_used: Bools
    km_at_sale: Floats
    warranty_until: Ints
    extended: Bools


@dataclass
class Spells:
    """One entry per customer and car: owned from ``start`` to before ``end``.

    ``leaves`` is when the owner moves away or the car goes, ``end_known`` whether a sale is
    known to the store.
    """

    person: Ints
    car: Ints
    store: Ints
    start: Ints
    end: Ints
    end_known: Bools
    leaves: Ints
    bought_here: Bools
    attached: Bools
    second_number: Bools
    km_per_day: Floats
    km_at_start: Floats
    tier: Ints = field(init=False)

    def __len__(self) -> int:
        return len(self.person)


T = TypeVar("T", Cars, Spells)


@dataclass
class Population:
    """People, cars and spells of one batch; indices count within the batch."""

    people: People
    cars: Cars
    spells: Spells

    def series(self) -> Ints:
        """Series of each spell's car."""
        return self.cars.series[self.spells.car]

    def interval_days(self) -> Floats:
        """Prescribed days between services of each spell, by time or mileage, whichever first."""
        tier, battery = self.spells.tier, _BATTERY[self.series()]
        days = tier_values("interval_days")[tier]
        km = tier_values("interval_km")[tier]
        electric = np.array([electric_interval(index) for index in range(len(TIERS))], dtype=float)
        days = np.where(battery, electric[tier, 0], days)
        km = np.where(battery, electric[tier, 1], km)
        return np.minimum(days, km / self.spells.km_per_day)


def series_is_battery() -> Bools:
    """For each series: battery only."""
    return _BATTERY


def series_is_new_energy() -> Bools:
    """For each series: green plate."""
    return _NEW_ENERGY


def series_factor() -> Floats:
    """For each series: price of its work against the tier's mean."""
    return _SERIES_FACTOR


def list_price() -> Floats:
    """For each series: list price in yuan."""
    return _LIST_PRICE


def build_population(
    count: int, network: Network, clock: Clock, rng: np.random.Generator
) -> Population:
    """Draw ``count`` customers with their cars and ownership periods."""
    people = _people(count, network, rng)
    builder = _SpellBuilder(people, network, clock, rng)
    successors = round(count * 0.07)
    first = np.arange(count - successors)
    # Used cars go to people: companies and fleets of this batch have cars of their own.
    people.kind[count - successors :] = PERSON
    builder.first_cars(first)
    builder.extra_cars(first)
    builder.fleets()
    builder.second_hand(np.arange(count - successors, count))
    return builder.finish()


def _people(count: int, network: Network, rng: np.random.Generator) -> People:
    weights = np.array([store.weight for store in network.stores])
    store = rng.choice(len(weights), size=count, p=weights / weights.sum())
    u = rng.random(count)
    kind = np.where(u < 0.0025, FLEET, np.where(u < 0.035, COMPANY, PERSON))
    far = rng.normal(0.0, 1.0, count)
    # Who lives far away is less loyal; the rest is taste.
    loyalty = 0.95 * rng.normal(0.0, 1.0, count) - 0.31 * far
    region = np.array([shop.region.code for shop in network.stores])
    neighbour = np.full(len(weights), -1)
    for number in range(len(weights)):
        others = [o for o in np.flatnonzero(region == region[number]) if o != number]
        neighbour[number] = others[0] if others else -1
    both = rng.random(count) < 0.02
    return People(
        store=store,
        kind=kind,
        loyalty=loyalty,
        price_level=np.exp(rng.normal(0.0, 0.22, count)),
        patience=np.exp(rng.normal(np.log(18.0), 0.55, count)).clip(5, 70),
        answers=np.exp(rng.normal(0.0, 0.6, count) - 0.18),
        distance_km=np.exp(np.log(9.0) + 0.7 * far).clip(0.5, 120),
        second_store=np.where(both, neighbour[store], -1),
    )


class _SpellBuilder:
    """Collects cars and spells, then turns them into arrays."""

    def __init__(
        self, people: People, network: Network, clock: Clock, rng: np.random.Generator
    ) -> None:
        self.people, self.network, self.clock, self.rng = people, network, clock, rng
        self.cars: list[Cars] = []
        self.spells: list[Spells] = []
        self.car_count = 0
        self.passed_on = np.zeros(0, dtype=np.int64)
        self._sells = np.array([store.sells_cars for store in network.stores])
        self._series = [np.array(network.series_of(store)) for store in network.stores]
        self._shares = [
            np.array([SERIES[i].share for i in network.series_of(store)])
            for store in network.stores
        ]

    def first_cars(self, persons: Ints) -> None:
        """The car with which each customer comes to the group."""
        rng, clock = self.rng, self.clock
        new = (rng.random(len(persons)) < 0.80) & self._sells[self.people.store[persons]]
        bought = persons[new]
        # Nine years back; the last six hold most buyers.
        recent = rng.random(len(bought)) < 0.76
        early = rng.integers(clock.until - 3287, clock.window_start, len(bought))
        late = rng.integers(clock.window_start, clock.until, len(bought))
        self._buy(bought, np.where(recent, late, early))
        conquest = persons[~new]
        entry = rng.integers(clock.window_start - 700, clock.until, len(conquest))
        self._arrive(conquest, entry)

    def extra_cars(self, persons: Ints) -> None:
        """A second car in some households, and a new one after some cars are sold."""
        rng, until = self.rng, self.clock.until
        sells = self._sells[self.people.store]
        start, end = self.spells[0].start, self.spells[0].end
        owner = self.spells[0].person
        second = (rng.random(len(owner)) < 0.06) & sells[owner] & (start < until - 60)
        room = np.maximum(until - start[second] - 30, 1)
        self._buy(owner[second], start[second] + 30 + (rng.random(second.sum()) * room).astype(int))
        loyal = 0.28 + 0.10 * self.people.loyalty[owner]
        again = (end < until - 40) & (rng.random(len(owner)) < loyal) & sells[owner]
        self._buy(owner[again], end[again] + rng.integers(0, 30, again.sum()))

    def fleets(self) -> None:
        """More cars for companies (a few) and fleets (8 to 24)."""
        kind = self.people.kind
        for number in np.flatnonzero(kind != PERSON).tolist():
            if not self._sells[self.people.store[number]]:
                continue
            cars = int(self.rng.integers(8, 25) if kind[number] == FLEET else self.rng.poisson(0.7))
            owner = np.full(cars, number)
            first = self.clock.window_start - 400
            self._buy(owner, self.rng.integers(first, self.clock.until, cars))

    def second_hand(self, persons: Ints) -> None:
        """Customers who come with a car that another customer of the store sold to them."""
        spells = _join(self.spells)
        lots = np.flatnonzero(spells.end < self.clock.until - 30)
        taken = self.rng.permutation(lots)[: len(persons)]
        self.passed_on = taken
        buyer = persons[: len(taken)]
        self.people.store[buyer] = spells.store[taken]
        start = spells.end[taken] + self.rng.integers(3, 40, len(taken))
        start = np.minimum(start, self.clock.until - 1)
        gone = spells.km_at_start[taken] + spells.km_per_day[taken] * (
            spells.end[taken] - spells.start[taken]
        )
        self._own(buyer, spells.car[taken], start, gone, False, 0.6)
        self._arrive(
            persons[len(taken) :],
            self.rng.integers(self.clock.window_start, self.clock.until, len(persons) - len(taken)),
        )

    def _pick_series(self, store: Ints) -> Ints:
        picked = np.zeros(len(store), dtype=np.int64)
        u = self.rng.random(len(store))
        for number in range(len(self._series)):
            mine = store == number
            shares = self._shares[number].cumsum() / self._shares[number].sum()
            place = np.minimum(np.searchsorted(shares, u[mine]), len(shares) - 1)
            picked[mine] = self._series[number][place]
        return picked

    def _buy(self, owner: Ints, day: Ints) -> None:
        """``owner`` buys a car of the store's brand on ``day``: new, or used for one in twenty."""
        rng, count = self.rng, len(owner)
        keep = day < self.clock.until
        owner, day = owner[keep], day[keep]
        count = len(owner)
        store = self.people.store[owner]
        used = rng.random(count) < 0.05
        age = np.where(used, rng.integers(400, 1600, count), rng.integers(15, 90, count))
        km = np.where(used, age * rng.uniform(20, 50, count), rng.integers(6, 40, count))
        cars = self._add_cars(store, day - age, day, store, used, km)
        self._own(owner, cars, day, km, True, 0.97)

    def _arrive(self, owner: Ints, day: Ints) -> None:
        """``owner`` first comes with a car that was bought elsewhere."""
        rng, count = self.rng, len(owner)
        age = rng.integers(200, 2200, count)
        km = age * rng.uniform(20, 50, count)
        store = self.people.store[owner]
        nowhere = np.full(count, -1)
        cars = self._add_cars(store, day - age, day - age + 30, nowhere, age < 0, km)
        self._own(owner, cars, day, km, False, 1.0)

    def _add_cars(
        self, store: Ints, built: Ints, sold: Ints, sold_store: Ints, used: Bools, km: Floats
    ) -> Ints:
        tier = self.network.tiers[store]
        months = tier_values("warranty_months")[tier]
        share = tier_values("extended_warranty_share")[tier]
        extended = (self.rng.random(len(store)) < share) & ~used & (sold_store >= 0)
        days = (months + np.where(extended, 24, 0)) * 30.4375
        begin = np.where(used, built + 45, sold)
        numbers = np.arange(self.car_count, self.car_count + len(store))
        self.car_count += len(store)
        self.cars.append(
            Cars(
                self._pick_series(store),
                built,
                sold,
                sold_store,
                used,
                np.where(sold_store >= 0, km, 0.0),
                (begin + days).astype(np.int64),
                extended,
            )
        )
        return numbers

    def _own(
        self,
        owner: Ints,
        cars: Ints,
        start: Ints,
        km: Floats,
        bought: bool,
        attached: float,
    ) -> None:
        rng, count, until = self.rng, len(owner), self.clock.until
        # Few sell within three years, then about one in eleven a year.
        young = rng.exponential(365.25 / 0.02, count)
        held = np.where(young < 1096, young, 1096 + rng.exponential(365.25 / 0.09, count))
        end = np.minimum(start + held.astype(np.int64) + 60, NEVER)
        end = np.where(end >= until, NEVER, end)
        moves = start + rng.exponential(365.25 / 0.028, count).astype(np.int64)
        fleet = self.people.kind[owner] == FLEET
        km_year = np.exp(rng.normal(0.0, 0.33, count) - 0.054)
        series = _join(self.cars).series[cars] if count else np.zeros(0, dtype=np.int64)
        km_year *= np.where(_NEW_ENERGY[series], 16000.0, 12000.0) * np.where(fleet, 2.2, 1.0)
        self.spells.append(
            Spells(
                person=owner,
                car=cars,
                store=self.people.store[owner],
                start=start,
                end=end,
                end_known=rng.random(count) < 0.45,
                leaves=np.minimum(end, moves),
                bought_here=np.full(count, bought),
                attached=rng.random(count) < attached,
                second_number=rng.random(count) < (0.2 if len(self.spells) >= 2 else 0.0),
                km_per_day=km_year / 365.25,
                km_at_start=np.asarray(km, dtype=float),
            )
        )

    def finish(self) -> Population:
        """The arrays, with the tier of each spell filled in."""
        spells = _join(self.spells)
        spells.end_known[self.passed_on] = True
        spells.tier = self.network.tiers[spells.store]
        return Population(self.people, _join(self.cars), spells)


def _join(parts: Sequence[T]) -> T:
    columns = {
        item.name: np.concatenate([getattr(part, item.name) for part in parts])
        for item in fields(parts[0])
        if item.init
    }
    return type(parts[0])(**columns)
