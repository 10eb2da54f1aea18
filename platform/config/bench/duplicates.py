"""Customer numbers of a made-up group of which it is known who is behind each.

Rates are those that a group of several brands would meet, written down before anything was matched
with them: one person holds numbers at several stores; about half show their identity card; people
change mobiles, families share one, and salesmen type their own; clerks misspell names and vehicle
numbers; companies are renamed; cars are sold on, and the former owner's end date is often missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count

import numpy as np

from customers.demonstration.names import (
    CITIES,
    company_name,
    identity_number,
    mobile,
    people_names,
    plate,
    vin,
)

STORES = 40
FIRST_DAY, LAST_DAY = date(2016, 1, 1), date(2025, 12, 31)
_DAYS = (LAST_DAY - FIRST_DAY).days
# How many numbers one customer has, and how often.
NUMBERS = ((1, 0.70), (2, 0.20), (3, 0.07), (4, 0.03))
COMPANIES, FLEETS = 0.05, 0.02
RATES = {
    "gives_id": 0.5,  # of the persons; those who do, do so nine times in ten
    "id_each_time": 0.9,
    "household": 0.15,  # of the persons share mobile and car with one of another name
    "salesman_mobile": 0.01,
    "new_mobile": 0.08,
    "no_mobile": 0.02,
    "reissued_mobile": 0.01,
    "misspelt": 0.01,
    "courtesy": 0.01,
    "vehicle": 0.92,
    "vin_slip": 0.008,
    "second_car": 0.25,
    "sold_on": 0.06,
    "end_known": 0.7,
    "renamed": 0.05,
}
_TITLES = ("先生", "女士", "师傅")
_SIGNS = "伟芳强敏军丽杰静涛艳"
# Two letters or digits that are misread for each other, as far as a VIN may hold them.
_MISREAD = {"8": "B", "B": "8", "5": "S", "S": "5", "2": "Z", "Z": "2", "1": "7", "7": "1"}
_MAKES = (("LSV", "AA418"), ("LFV", "2A21K"), ("LBV", "5S310"), ("LE4", "ZG8DB"), ("LHG", "RU187"))


@dataclass(frozen=True)
class Car:
    vin: str
    plate: str
    owned_from: date
    owned_to: date | None = None


@dataclass(frozen=True)
class Being:
    """A person or company; ``key`` is the truth that matching should find."""

    key: int
    kind: str
    names: tuple[str, ...]
    mobile: str
    id_number: str
    birth: date | None
    gender: str
    cars: tuple[Car, ...]


@dataclass(frozen=True)
class Number:
    """One store's customer number, as the store wrote it."""

    truth: int
    store: int
    kind: str
    name: str
    mobile: str
    id_number: str
    birth: date | None
    gender: str
    car: Car | None


def draw(customers: int, seed: int) -> list[Number]:
    """``customers`` customer numbers, in the order in which the stores opened them."""
    rng = np.random.default_rng(seed)
    serial = count(1)
    numbers: list[Number] = []
    kept: list[Being] = []
    while len(numbers) < customers:
        for being in _household(rng, serial, kept):
            numbers += _numbers_of(rng, being, serial)
    order = rng.permutation(len(numbers))[:customers]
    return [numbers[place] for place in order]


def _household(
    rng: np.random.Generator, serial: "count[int]", kept: list[Being]
) -> Iterator[Being]:
    """One customer, or the two of a household that share mobile and car."""
    kind = _kind(rng)
    being = _being(rng, serial, kind)
    if kept and rng.random() < RATES["sold_on"] and kept[-1].cars and being.cars:
        being = _buys_from(rng, being, kept.pop())
    if kind == "person" and kept and rng.random() < RATES["reissued_mobile"]:
        being = replace(being, mobile=kept[-1].mobile)
    kept.append(being)
    del kept[:-50]
    yield being
    if kind == "person" and rng.random() < RATES["household"]:
        other = _being(rng, serial, kind)
        name = other.names[0]
        if rng.random() < 0.5:  # parent and child rather than a couple
            name = being.names[0][0] + name[1:]
        yield replace(other, names=(name,), mobile=being.mobile, cars=being.cars)


def _kind(rng: np.random.Generator) -> str:
    place = rng.random()
    return "company" if place < COMPANIES else "fleet" if place < COMPANIES + FLEETS else "person"


def _being(rng: np.random.Generator, serial: "count[int]", kind: str) -> Being:
    key = next(serial)
    city = list(CITIES)[rng.integers(len(CITIES))]
    cars = [_car(rng, key, city)]
    if kind == "fleet":
        cars += [_car(rng, next(serial), city) for _ in range(int(rng.integers(2, 8)))]
    elif rng.random() < RATES["second_car"]:
        cars.append(_car(rng, next(serial), city))
    if kind != "person":
        names = [company_name(city, int(rng.integers(1 << 20)), kind == "fleet")]
        if rng.random() < RATES["renamed"]:
            names.append(company_name(city, int(rng.integers(1 << 20)), kind == "fleet"))
        code = f"91{rng.integers(10**6):06d}MA{key:08d}" if rng.random() < 0.8 else ""
        return Being(key, kind, tuple(names), mobile(key), code, None, "", tuple(cars))
    female = bool(rng.random() < 0.4)
    birth = date(1955, 1, 1) + timedelta(days=int(rng.integers(18_000)))
    area = CITIES[city][1][rng.integers(len(CITIES[city][1]))]
    card = identity_number(area, f"{birth:%Y%m%d}", key % 1000)
    return Being(
        key,
        kind,
        tuple(people_names(rng, np.array([female]))),
        mobile(key),
        card if rng.random() < RATES["gives_id"] else "",
        birth,
        "female" if female else "male",
        tuple(cars),
    )


def _car(rng: np.random.Generator, number: int, city: str) -> Car:
    wmi, descriptor = _MAKES[rng.integers(len(_MAKES))]
    bought = FIRST_DAY + timedelta(days=int(rng.integers(_DAYS)))
    return Car(
        vin(wmi, descriptor, bought.year, number), plate(city, number, rng.random() < 0.3), bought
    )


def _buys_from(rng: np.random.Generator, being: Being, former: Being) -> Being:
    """``being`` holds the car that ``former`` had; whose end date the stores may not know."""
    car = former.cars[0]
    since = car.owned_from + timedelta(days=int(rng.integers(400, 2500)))
    return replace(being, cars=(Car(car.vin, being.cars[0].plate, since), *being.cars[1:]))


def _numbers_of(rng: np.random.Generator, being: Being, serial: "count[int]") -> Iterator[Number]:
    sizes, weights = zip(*NUMBERS, strict=True)
    many = int(rng.choice(sizes, p=weights))
    if being.kind == "fleet":
        many += int(rng.integers(0, 4))
    stores = rng.integers(0, STORES, many)  # one store may open a second number by mistake
    mobile_now = being.mobile
    for place, store in enumerate(stores.tolist()):
        if place and rng.random() < RATES["new_mobile"]:
            mobile_now = mobile(next(serial))
        yield Number(
            being.key,
            store,
            being.kind,
            _written(rng, being, last=place == many - 1),
            _typed_mobile(rng, mobile_now, store),
            being.id_number if rng.random() < RATES["id_each_time"] else "",
            being.birth if rng.random() < 0.4 else None,
            being.gender if rng.random() < 0.8 else "",
            _recorded_car(rng, being),
        )


def _written(rng: np.random.Generator, being: Being, last: bool) -> str:
    """The name as a clerk writes it; a renamed company's newest number has the new name."""
    name = being.names[-1] if last else being.names[0]
    chance = rng.random()
    if being.kind == "person" and chance < RATES["courtesy"]:
        return name[0] + _TITLES[rng.integers(len(_TITLES))]
    if RATES["courtesy"] <= chance < RATES["courtesy"] + RATES["misspelt"]:
        at = int(rng.integers(1, len(name)))
        wrong = _SIGNS[rng.integers(len(_SIGNS))]
        return name[:at] + ("" if rng.random() < 0.2 else wrong) + name[at + 1 :]
    return name


def _typed_mobile(rng: np.random.Generator, number: str, store: int) -> str:
    chance = rng.random()
    if chance < RATES["no_mobile"]:
        return ""
    if chance < RATES["no_mobile"] + RATES["salesman_mobile"]:
        return mobile(1_000_000_000 + 2 * store + int(rng.integers(2)))
    return number


def _recorded_car(rng: np.random.Generator, being: Being) -> Car | None:
    if rng.random() >= RATES["vehicle"]:
        return None
    # Mostly the car that he has had longest; a fleet brings any of them.
    at = int(rng.integers(len(being.cars))) if being.kind == "fleet" else 0
    if len(being.cars) > 1 and being.kind != "fleet" and rng.random() < 0.3:
        at = 1
    car = being.cars[at]
    if rng.random() < RATES["vin_slip"]:
        car = replace(car, vin=_slipped(rng, car.vin))
    if rng.random() < RATES["sold_on"]:
        gone = car.owned_from + timedelta(days=int(rng.integers(300, 2500)))
        car = replace(car, owned_to=gone if rng.random() < RATES["end_known"] else None)
    return car


def _slipped(rng: np.random.Generator, text: str) -> str:
    """One sign misread, or two neighbours exchanged."""
    at = int(rng.integers(3, 16))
    if rng.random() < 0.5 and text[at] in _MISREAD:
        return text[:at] + _MISREAD[text[at]] + text[at + 1 :]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
