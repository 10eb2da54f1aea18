"""The group itself: divisions, regions, stores, staff, and what the brands prescribe."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from customers.demonstration.catalogue import SERIES, TIERS, VAT_RATE
from customers.demonstration.names import people_names
from customers.demonstration.seasons import Clock

Rows = list[list[str]]

GROUP_NAME = "星桥汽车集团"
_STORE_WORDS = (
    "徐汇",
    "浦东",
    "城北",
    "滨江",
    "高新",
    "新城",
    "江南",
    "天河",
    "南山",
    "东湖",
    "开发区",
    "西城",
)


@dataclass(frozen=True)
class Region:
    """A region belongs to one division and carries one brand."""

    code: str
    name: str
    tier: int
    brand: str
    cities: tuple[str, ...]


REGIONS = (
    Region("LUX-EAST", "豪华华东区", 0, "御睿", ("上海", "杭州")),
    Region("LUX-SOUTH", "豪华华南区", 0, "铂曼", ("广州", "深圳")),
    Region("JV-EAST", "合资华东区", 1, "东岚", ("南京", "苏州")),
    Region("JV-NORTH", "合资华北区", 1, "海诺", ("北京", "天津")),
    Region("OWN-WEST", "自主西南区", 2, "启星", ("成都", "重庆")),
    Region("OWN-CENTRAL", "自主华中区", 2, "嘉禾", ("武汉", "长沙")),
)
FEWEST_STORES = len(REGIONS)


@dataclass(frozen=True)
class Store:
    """One store; ``weight`` is its share of customers before scaling."""

    number: int
    code: str
    name: str
    region: Region
    city: str
    kind: str
    opened: date
    weight: float

    @property
    def sells_cars(self) -> bool:
        """Only authorised 4S stores sell new cars."""
        return self.kind == "4s"


@dataclass(frozen=True)
class Login:
    """A person who signs in to the demonstration, one per role."""

    username: str
    role: str
    unit_code: str


@dataclass(frozen=True)
class Network:
    """The stores, their staff and their quality over time.

    ``quality``: stores × months since day 0, in standard deviations of an answer.
    """

    group_code: str
    stores: tuple[Store, ...]
    advisors: tuple[tuple[str, ...], ...]
    quality: NDArray[np.float64]
    gaming: NDArray[np.float64]
    tiers: NDArray[np.int64]
    staff_rows: Rows
    logins: tuple[Login, ...]

    def division_code(self, tier: int) -> str:
        """Unit code of a tier's division."""
        return f"{self.group_code}-{TIERS[tier].code}"

    def region_code(self, region: Region) -> str:
        """Unit code of a region."""
        return f"{self.group_code}-{region.code}"

    def series_of(self, store: Store) -> list[int]:
        """Indices of the series that the store's brand sells."""
        return [i for i, series in enumerate(SERIES) if series.brand == store.region.brand]


def build_network(group_code: str, count: int, clock: Clock, rng: np.random.Generator) -> Network:
    """Lay out ``count`` stores over the six regions and hire their people."""
    if count < FEWEST_STORES:
        raise ValueError(
            f"stores is {count}: the demonstration group has {FEWEST_STORES} regions with at "
            "least one store each"
        )
    stores = _stores(group_code, count, rng)
    months = clock.until // 30 + 3
    steps = rng.normal(0.0, 0.035, (count, months)).cumsum(axis=1)
    quality = rng.normal(0.0, 0.22, (count, 1)) + steps - steps.mean(axis=1, keepdims=True)
    slide = np.clip(np.arange(months) - (months - 20), 0, None) * 0.03
    quality[2 % count] -= slide
    gaming = np.clip(rng.normal(0.30, 0.08, count), 0.12, 0.5)
    advisors, staff, logins = _hire(group_code, stores, clock, rng)
    tiers = np.array([store.region.tier for store in stores])
    return Network(group_code, stores, advisors, quality, gaming, tiers, staff, logins)


def _stores(group_code: str, count: int, rng: np.random.Generator) -> tuple[Store, ...]:
    per_region = np.bincount(np.arange(count) % len(REGIONS), minlength=len(REGIONS))
    stores: list[Store] = []
    for region, size in zip(REGIONS, per_region.tolist(), strict=True):
        for rank in range(size):
            number = len(stores)
            city = region.cities[rank % len(region.cities)]
            kind = "4s"
            if rank and region.code in ("LUX-EAST", "OWN-WEST"):
                kind = "non_4s"
            if rank and region.code == "JV-NORTH":
                kind = "other"
            word = _STORE_WORDS[number % len(_STORE_WORDS)]
            suffix = {"4s": "4S店", "non_4s": "快修中心", "other": "钣喷中心"}[kind]
            stores.append(
                Store(
                    number,
                    f"{group_code}-S{number + 1:02d}",
                    f"{city}{word}{region.brand}{suffix}",
                    region,
                    city,
                    kind,
                    date(2008 + int(rng.integers(0, 7)), int(rng.integers(1, 13)), 18),
                    float(rng.uniform(0.7, 1.3)) * (1.0 if kind == "4s" else 0.45),
                )
            )
    return tuple(stores)


def _hire(
    group_code: str, stores: tuple[Store, ...], clock: Clock, rng: np.random.Generator
) -> tuple[tuple[tuple[str, ...], ...], Rows, tuple[Login, ...]]:
    model_store = next(store for store in stores if store.region.code == "JV-EAST")
    region = f"{group_code}-JV-EAST"
    logins = (
        Login("ceo", "executive", group_code),
        Login("division_jv", "manager", f"{group_code}-JV"),
        Login("region_east", "manager", region),
        Login("store_manager", "manager", model_store.code),
        Login("advisor", "advisor", model_store.code),
        Login("analyst", "analyst", group_code),
        Login("steward", "data_steward", group_code),
        Login("auditor", "auditor", group_code),
        Login("admin", "administrator", group_code),
    )
    people = [(login.username, login.role, login.unit_code) for login in logins]
    advisors = []
    for store in stores:
        short = f"s{store.number + 1:02d}"
        team = [f"{short}_advisor{n + 1}" for n in range(int(rng.integers(3, 7)))]
        people += [(name, "advisor", store.code) for name in team]
        if store is model_store:
            team = ["advisor", *team]
        else:
            people.append((f"{short}_manager", "manager", store.code))
        advisors.append(tuple(team))
    names = people_names(rng, rng.random(len(people)) < 0.4)
    since = clock.date_of(clock.window_start).isoformat()
    rows = [
        [user, name, role, unit, f"{user}@demo.example", "", since, ""]
        for (user, role, unit), name in zip(people, names, strict=True)
    ]
    return tuple(advisors), rows, logins


def unit_rows(network: Network, clock: Clock) -> Rows:
    """Rows of org_units: the group, its divisions, regions and stores."""
    code = network.group_code
    rows = [[code, GROUP_NAME, "group", "", "", f"{GROUP_NAME}有限公司", "上海", "", "", "", ""]]
    for index, tier in enumerate(TIERS):
        division = network.division_code(index)
        rows.append([division, tier.name, "division", code, *[""] * 7])
    for region in REGIONS:
        parent = network.division_code(region.tier)
        unit = network.region_code(region)
        rows.append([unit, region.name, "region", parent, "", "", "", region.brand, "", "", ""])
    authorised = date(clock.date_of(clock.until).year + 2, 12, 31).isoformat()
    for store in network.stores:
        rows.append(
            [
                store.code,
                store.name,
                "store",
                network.region_code(store.region),
                store.kind,
                f"{store.name}有限公司",
                store.city,
                store.region.brand,
                "n",
                store.opened.isoformat(),
                authorised if store.kind == "4s" else "",
            ]
        )
    return rows


def policy_rows(network: Network) -> Rows:
    """Rows of policies: what each brand prescribes and how its stores' amounts are stated."""
    rows = []
    for index, tier in enumerate(TIERS):
        terms = [
            str(tier.warranty_months),
            str(tier.warranty_km),
            str(tier.first_days),
            str(tier.first_km),
            f"{VAT_RATE:.2f}",
            "y",
            tier.cost_basis,
            f"{tier.margin_rate:.2f}",
        ]
        division, since = network.division_code(index), "2010-01-01"
        rows.append([division, since, "", str(tier.interval_days), str(tier.interval_km), *terms])
        electric = [
            model
            for series in SERIES
            if series.tier == index and series.energy == "bev"
            for model in series.models
        ]
        for model in electric:
            days, km = electric_interval(index)
            rows.append([division, since, model, str(days), str(km), *terms])
    return rows


def electric_interval(tier: int) -> tuple[int, int]:
    """Service interval of battery cars: days and km."""
    return 365, 20000 if tier == 0 else 15000
