"""The customer and vehicle files of the stores: numbers, names, plates, VINs."""

from dataclasses import dataclass, field

import numpy as np

from customers.demonstration.catalogue import SERIES, is_new_energy
from customers.demonstration.names import (
    company_name,
    mobile,
    people_names,
    plate,
    vin,
)
from customers.demonstration.network import Network
from customers.demonstration.orders import INTERNAL, MAIN, SECOND_NUMBER, SECOND_STORE, Orders
from customers.demonstration.people import FLEET, PERSON, Ints, Population
from customers.demonstration.seasons import Clock

INTERNAL_NO = "N000000"


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
    female: list[bool] = field(default_factory=list)
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
    register.female = female.tolist()
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
