"""Rows of customers and vehicles."""

from dataclasses import dataclass

import numpy as np

from customers.demonstration.batch import Batch
from customers.demonstration.catalogue import SERIES
from customers.demonstration.names import CITIES, identity_number
from customers.demonstration.orders import MAIN, SECOND_NUMBER, SECOND_STORE
from customers.demonstration.people import COMPANY, FLEET, NEVER, PERSON, Ints
from customers.demonstration.writer import EARLIEST_BIRTH, flags

KIND_WORDS = {PERSON: "person", COMPANY: "company", FLEET: "fleet"}
REFERRED = "转介绍"
_CHANNELS = ("自然到店", "垂直媒体", REFERRED, "短视频", "车展外拓", "电话邀约")


@dataclass(frozen=True)
class _Particulars:
    """What each customer of a batch told the store, empty where he did not."""

    identity: list[str]
    birth: list[str]
    gender: list[str]
    address: list[str]
    channel: list[str]
    marketing: list[str]
    sharing: list[str]
    distance: list[str]
    created: list[str]


def _particulars(batch: Batch, rng: np.random.Generator) -> _Particulars:
    people, spells, clock = batch.population.people, batch.population.spells, batch.clock
    count = len(people.store)
    created = np.full(count, clock.until - 1)
    np.minimum.at(created, spells.person, spells.start)
    oldest = clock.day_of(EARLIEST_BIRTH)
    # Grown up on the day of the first contact.
    birth = batch.times.days(
        created
        - 20 * 366
        - (rng.beta(1.6, 2.4, count) * (created - 20 * 366 - oldest)).astype(np.int64)
    )
    has_id, has_birth = (rng.random(count) < 0.55).tolist(), (rng.random(count) < 0.5).tolist()
    female = batch.register.female
    sequence = (rng.integers(0, 500, count) * 2).tolist()
    private = (people.kind == PERSON).tolist()
    street, house = rng.integers(0, 1 << 16, count).tolist(), rng.integers(1, 900, count).tolist()
    channel = rng.choice(len(_CHANNELS), count, p=[0.34, 0.24, 0.14, 0.12, 0.10, 0.06]).tolist()
    identity, address = [], []
    for person, store in enumerate(people.store.tolist()):
        city = batch.network.stores[store].city
        _, areas, streets = CITIES[city]
        order = sequence[person] + (not female[person])
        digits = birth[person].replace("-", "")
        known = private[person] and has_id[person]
        area = areas[street[person] % 2]
        identity.append(identity_number(area, digits, order) if known else "")
        address.append(f"{city}{streets[street[person] % len(streets)]}{house[person]}号")
    known_distance = (rng.random(count) < 0.6).tolist()
    return _Particulars(
        identity=identity,
        birth=[day if private[i] and has_birth[i] else "" for i, day in enumerate(birth)],
        gender=[("f" if woman else "m") if private[i] else "" for i, woman in enumerate(female)],
        address=address,
        channel=[_CHANNELS[number] for number in channel],
        marketing=flags(rng.random(count) < 0.72),
        sharing=flags(rng.random(count) < 0.55),
        distance=[
            f"{km:.1f}" if known_distance[i] else ""
            for i, km in enumerate(people.distance_km.tolist())
        ],
        created=batch.times.days(created),
    )


def customer_rows(batch: Batch, rng: np.random.Generator) -> list[list[str]]:
    """Rows of customers: one per customer number. A few mobiles went through a spreadsheet."""
    register, told = batch.register, _particulars(batch, rng)
    kinds = batch.population.people.kind.tolist()
    spreadsheet = (rng.random(len(register.numbers)) < 0.002).tolist()
    friends: dict[int, str] = {}
    rows = []
    for index, (person, store) in enumerate(
        zip(register.source_person, register.source_store, strict=True)
    ):
        phone = register.mobiles[person]
        rows.append(
            [
                batch.network.stores[store].code,
                register.numbers[index],
                register.names[person],
                KIND_WORDS[kinds[person]],
                f"{float(phone):.2E}" if spreadsheet[index] else phone,
                "",
                told.identity[person],
                told.birth[person],
                told.gender[person],
                batch.network.stores[store].city,
                told.address[person],
                told.channel[person],
                friends.get(store, "") if told.channel[person] == REFERRED else "",
                told.marketing[person],
                told.sharing[person],
                told.distance[person],
                told.created[person],
            ]
        )
        friends[store] = register.numbers[index]
    return rows


def vehicle_rows(batch: Batch, insured_until: Ints) -> list[tuple[str, ...]]:
    """Rows of vehicles: one per ownership and customer number."""
    population, times = batch.population, batch.times
    spells, cars = population.spells, population.cars
    away = np.unique(batch.orders.spell[batch.orders.slot == SECOND_STORE])
    spell = np.concatenate([np.arange(len(spells)), away])
    slot = batch.own_slot(spell, MAIN, SECOND_NUMBER)
    slot[len(spells) :] = SECOND_STORE
    owner, car = spells.person[spell], spells.car[spell]
    store = np.where(
        slot == SECOND_STORE, population.people.second_store[owner], spells.store[spell]
    )
    bought = spells.bought_here[spell] & (slot != SECOND_STORE)
    sold = (spells.end[spell] < NEVER) & spells.end_known[spell]
    built, number = times.days(cars.built[car]), car.tolist()
    series = [SERIES[line] for line in cars.series[car].tolist()]
    private = (population.people.kind[owner] == PERSON).tolist()
    empty = [""] * spell.size
    columns = [
        batch.vins(spell),
        batch.stores(store),
        batch.customers(spell, slot),
        [batch.register.plates[which] for which in number],
        [line.brand for line in series],
        [line.name for line in series],
        [line.models[n % len(line.models)] for line, n in zip(series, number, strict=True)],
        [day[:4] for day in built],
        [line.energy for line in series],
        [_usage(own, n) for own, n in zip(private, number, strict=True)],
        times.optional_days(spells.start[spell], bought),
        _where(bought, flags(cars.sold_used[car])),
        built,
        _where(bought, [str(int(km)) for km in spells.km_at_start[spell].tolist()]),
        times.optional_days(cars.warranty_until[car], spell % 25 != 0),
        flags(cars.extended[car]),
        empty,
        times.optional_days(insured_until[spell], insured_until[spell] > 0),
        empty,
        empty,
        times.days(spells.start[spell]),
        times.optional_days(np.where(sold, spells.end[spell], 0), sold),
    ]
    return list(zip(*columns, strict=True))


def _usage(private: bool, car: int) -> str:
    if not private:
        return "business"
    return "taxi" if car % 211 == 0 else "household"


def _where(known: np.ndarray, values: list[str]) -> list[str]:
    return [value if shown else "" for value, shown in zip(values, known.tolist(), strict=True)]
