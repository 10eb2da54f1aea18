"""The customer and vehicle files of the stores: numbers, names, plates, VINs."""

from dataclasses import dataclass, field

import numpy as np

from customers.demonstration.catalogue import SERIES, is_new_energy
from customers.demonstration.names import (
    CITIES,
    company_name,
    identity_number,
    mobile,
    people_names,
    plate,
    vin,
)
from customers.demonstration.network import Network
from customers.demonstration.orders import INTERNAL, MAIN, SECOND_NUMBER, SECOND_STORE, Orders
from customers.demonstration.people import COMPANY, FLEET, NEVER, PERSON, Ints, Population
from customers.demonstration.seasons import Clock
from customers.demonstration.writer import Times, flags

INTERNAL_NO = "N000000"
KIND_WORDS = {PERSON: "person", COMPANY: "company", FLEET: "fleet"}
_CHANNELS = ("自然到店", "垂直媒体", "转介绍", "短视频", "车展外拓", "电话邀约")


@dataclass
class Numbering:
    """Running numbers of the whole run; they go on from batch to batch."""

    customers: Ints
    order_of_day: Ints
    contracts: Ints
    events: Ints
    surveys: Ints
    cars: int = 0
    people: int = 0

    @classmethod
    def start(cls, stores: int, days: int) -> "Numbering":
        """All counters at zero."""
        return cls(
            customers=np.zeros(stores, dtype=np.int64),
            order_of_day=np.zeros((stores, days), dtype=np.int64),
            contracts=np.zeros(stores, dtype=np.int64),
            events=np.zeros(stores, dtype=np.int64),
            surveys=np.zeros(stores, dtype=np.int64),
        )

    def take(self, counter: Ints, store: Ints) -> list[int]:
        """The next number of each entry's store, in the order of entries."""
        order = np.argsort(store, kind="stable")
        ordered = store[order]
        begin = np.searchsorted(ordered, ordered, side="left")
        number = np.empty(store.size, dtype=np.int64)
        number[order] = np.arange(store.size) - begin + 1
        number += counter[store]
        counter += np.bincount(store, minlength=counter.size)
        return number.tolist()


@dataclass
class Register:
    """Text of one batch: per customer number and per car."""

    source_of: dict[tuple[int, int], int] = field(default_factory=dict)
    source_person: list[int] = field(default_factory=list)
    source_store: list[int] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    mobiles: list[str] = field(default_factory=list)
    vins: list[str] = field(default_factory=list)
    plates: list[str] = field(default_factory=list)
    bad_vins: int = 0

    def number(self, person: int, slot: int) -> str:
        """The customer number of a person in a slot."""
        return INTERNAL_NO if slot == INTERNAL else self.numbers[self.source_of[person, slot]]

    def numbers_of(self, person: Ints, slot: Ints) -> list[str]:
        """Customer numbers of many."""
        return [self.number(p, s) for p, s in zip(person.tolist(), slot.tolist(), strict=True)]


def build_register(
    population: Population,
    orders: Orders,
    network: Network,
    clock: Clock,
    numbering: Numbering,
    rng: np.random.Generator,
) -> Register:
    """Give numbers, names, mobiles, VINs and plates to a batch."""
    register = Register()
    spells, people = population.spells, population.people
    used = {
        (person, SECOND_NUMBER if second else MAIN)
        for person, second in zip(
            spells.person.tolist(), spells.second_number.tolist(), strict=True
        )
    }
    away = orders.slot == SECOND_STORE
    used |= {(person, SECOND_STORE) for person in spells.person[orders.spell[away]].tolist()}
    for key in sorted(used):
        person, slot = key
        register.source_of[key] = len(register.source_person)
        register.source_person.append(person)
        home = people.second_store if slot == SECOND_STORE else people.store
        register.source_store.append(int(home[person]))
    serial = numbering.take(numbering.customers, np.array(register.source_store))
    register.numbers = [f"C{number:06d}" for number in serial]
    _name_people(register, population, network, numbering, rng)
    _number_cars(register, population, network, clock, numbering, rng)
    return register


def _name_people(
    register: Register,
    population: Population,
    network: Network,
    numbering: Numbering,
    rng: np.random.Generator,
) -> None:
    people = population.people
    count = len(people.store)
    female = rng.random(count) < 0.36
    register.names = people_names(rng, female)
    first = numbering.people
    numbering.people += count
    register.mobiles = [mobile(first + number) for number in range(count)]
    # One in eighty gives the number of a relative who is a customer, too.
    for number in np.flatnonzero(rng.random(count) < 0.012).tolist():
        register.mobiles[number] = register.mobiles[(number + 1) % count]
    for number in np.flatnonzero(people.kind != PERSON).tolist():
        city = network.stores[people.store[number]].city
        fleet = bool(people.kind[number] == FLEET)
        register.names[number] = company_name(city, first + number * 13, fleet)


def _number_cars(
    register: Register,
    population: Population,
    network: Network,
    clock: Clock,
    numbering: Numbering,
    rng: np.random.Generator,
) -> None:
    cars, spells = population.cars, population.spells
    count = len(cars.series)
    store = np.zeros(count, dtype=np.int64)
    store[spells.car] = spells.store
    first = numbering.cars
    numbering.cars += count
    years = [clock.date_of(day).year for day in cars.built.tolist()]
    mistyped = (rng.random(count) < 0.0012).tolist()
    for number, (line, year, shop) in enumerate(
        zip(cars.series.tolist(), years, store.tolist(), strict=True)
    ):
        series = SERIES[line]
        descriptor = f"{'ABCDE'[series.tier]}{line % 10}{'B' if series.energy == 'ice' else 'E'}7K"
        code = vin(series.wmi, descriptor, year, first + number)
        if mistyped[number] and ("0" in code or "1" in code):
            code = code.replace("0", "O", 1) if "0" in code else code.replace("1", "I", 1)
            register.bad_vins += 1
        register.vins.append(code)
        city = network.stores[shop].city
        register.plates.append(plate(city, first + number, is_new_energy(line)))


def customer_rows(
    register: Register,
    population: Population,
    network: Network,
    clock: Clock,
    times: Times,
    rng: np.random.Generator,
) -> list[list[str]]:
    """Rows of customers: one per customer number."""
    people, spells = population.people, population.spells
    count = len(people.store)
    created = np.full(count, clock.until - 1)
    np.minimum.at(created, spells.person, spells.start)
    born = rng.integers(
        clock.day_of(clock.origin.replace(1958, 1, 1)), clock.until - 22 * 365, count
    )
    has_id, has_birth = rng.random(count) < 0.55, rng.random(count) < 0.5
    female, sequence = rng.random(count) < 0.36, rng.integers(0, 500, count) * 2
    consent, sharing = rng.random(count) < 0.72, rng.random(count) < 0.55
    channel = rng.choice(len(_CHANNELS), count, p=[0.34, 0.24, 0.14, 0.12, 0.10, 0.06])
    street, house = rng.integers(0, 1 << 16, count), rng.integers(1, 900, count)
    know_distance = rng.random(count) < 0.6
    birth_text, created_text = times.days(born), times.days(created)
    scientific = rng.random(len(register.numbers)) < 0.002
    rows = []
    for index, person in enumerate(register.source_person):
        store = network.stores[register.source_store[index]]
        private = people.kind[person] == PERSON
        city, streets = store.city, CITIES[store.city][2]
        phone = register.mobiles[person]
        area = CITIES[city][1][int(street[person]) % 2]
        digits = birth_text[person].replace("-", "")
        order = int(sequence[person]) + (0 if female[person] else 1)
        rows.append(
            [
                store.code,
                register.numbers[index],
                register.names[person],
                KIND_WORDS[int(people.kind[person])],
                f"{float(phone):.2E}" if scientific[index] else phone,
                "",
                identity_number(area, digits, order) if private and has_id[person] else "",
                birth_text[person] if private and has_birth[person] else "",
                ("f" if female[person] else "m") if private else "",
                city,
                f"{city}{streets[int(street[person]) % len(streets)]}{house[person]}号",
                _CHANNELS[channel[person]],
                "",
                "y" if consent[person] else "n",
                "y" if sharing[person] else "n",
                f"{people.distance_km[person]:.1f}" if know_distance[person] else "",
                created_text[person],
            ]
        )
    return rows


def vehicle_rows(
    register: Register,
    population: Population,
    network: Network,
    times: Times,
    insured_until: Ints,
    orders: Orders,
) -> list[list[str]]:
    """Rows of vehicles: one per ownership and customer number."""
    spells, cars = population.spells, population.cars
    slot = np.where(spells.second_number, SECOND_NUMBER, MAIN)
    away = np.unique(orders.spell[orders.slot == SECOND_STORE])
    spell = np.concatenate([np.arange(len(spells)), away])
    slot = np.concatenate([slot, np.full(away.size, SECOND_STORE)])
    car = spells.car[spell]
    bought = spells.bought_here[spell] & (slot != SECOND_STORE)
    codes = [store.code for store in network.stores]
    sold = times.optional_days(spells.start[spell], bought)
    built = times.days(cars.built[car])
    warranty = times.optional_days(cars.warranty_until[car], spell % 25 != 0)
    insured = times.optional_days(insured_until[spell], insured_until[spell] > 0)
    since, until = (
        times.days(spells.start[spell]),
        times.optional_days(
            np.minimum(spells.end[spell], NEVER),
            (spells.end[spell] < NEVER) & spells.end_known[spell],
        ),
    )
    used, extended = flags(cars.sold_used[car]), flags(cars.extended[car])
    rows = []
    for index, (number, place, owner, which) in enumerate(
        zip(spell.tolist(), slot.tolist(), spells.person[spell].tolist(), car.tolist(), strict=True)
    ):
        source = register.source_of[owner, place]
        series = SERIES[int(cars.series[which])]
        kind = population.people.kind[owner]
        rows.append(
            [
                register.vins[which],
                codes[register.source_store[source]],
                register.numbers[source],
                register.plates[which],
                series.brand,
                series.name,
                series.models[which % len(series.models)],
                built[index][:4],
                series.energy,
                "business" if kind != PERSON else ("taxi" if which % 211 == 0 else "household"),
                sold[index],
                used[index] if sold[index] else "",
                built[index],
                str(int(spells.km_at_start[number])) if sold[index] else "",
                warranty[index],
                extended[index],
                "",
                insured[index],
                "",
                "",
                since[index],
                until[index],
            ]
        )
    return rows
