"""Whose requests are measured and which: by name of the page, so that a moved address does not
matter, and a page that this installation does not have is named as missing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from customers.models import Customer, Ownership
from organization.models import Account, Assignment, Tenant

# Username in the generated group, by the role that is meant.
PEOPLE = {
    "executive": "ceo",
    "manager": "store_manager",
    "advisor": "advisor",
    "data_steward": "steward",
    "administrator": "admin",
}
SAMPLE = 20
TAIL = 3


@dataclass(frozen=True)
class Examples:
    """What addresses are filled with: customers of the store of the manager and the advisor."""

    uids: Sequence[str]
    plate_tails: Sequence[str]
    names: Sequence[str]
    store: str


@dataclass(frozen=True)
class Page:
    """A page of one person: several addresses that differ in their customer only."""

    role: str
    name: str
    addresses: Sequence[str]


def accounts(tenant: Tenant) -> dict[str, Account]:
    found = {a.username: a for a in Account.objects.filter(tenant=tenant)}
    return {role: found[username] for role, username in PEOPLE.items()}


def examples() -> Examples:
    """Customers spread over the advisor's store, inside an entered access."""
    post = Assignment.objects.select_related("unit").get(staff__username=PEOPLE["advisor"])
    theirs = Customer.objects.filter(home_store=post.unit, is_test=False).order_by("pk")
    ids = list(theirs.values_list("pk", flat=True))
    chosen = Customer.objects.filter(pk__in=ids[:: max(len(ids) // SAMPLE, 1)][:SAMPLE])
    owned = Ownership.objects.filter(customer__in=chosen, owned_to=None).exclude(vehicle__plate="")
    plates = owned.order_by("pk").values_list("vehicle__plate", flat=True)
    return Examples(
        [str(customer.uid) for customer in chosen],
        [plate[-TAIL:] for plate in plates],
        sorted({customer.name[:1] for customer in chosen if customer.name}),
        post.unit.code,
    )


def pages(found: Examples) -> tuple[list[Page], list[str]]:
    """Every page for every role, and the names of those that do not exist here."""
    built: list[Page] = []
    missing = []
    for name, addresses in _CATALOGUE.items():
        try:
            filled = addresses(found)
        except NoReverseMatch:
            missing.append(name)
            continue
        built += [Page(role, name, filled) for role in PEOPLE]
    return built, missing


def _plain(url_name: str) -> Callable[[Examples], list[str]]:
    return lambda found: [reverse(url_name)]


def _unit(url_name: str) -> Callable[[Examples], list[str]]:
    return lambda found: [reverse(url_name, args=[found.store])]


def _customer(url_name: str) -> Callable[[Examples], list[str]]:
    return lambda found: [reverse(url_name, args=[uid]) for uid in found.uids]


def _customers(
    values: Callable[[Examples], Sequence[dict[str, str]]],
) -> Callable[[Examples], list[str]]:
    return lambda found: [f"{reverse('customers')}?{urlencode(one)}" for one in values(found)]


_CATALOGUE: dict[str, Callable[[Examples], list[str]]] = {
    "start": _plain("start"),
    "customers": _plain("customers"),
    "customers by name": _customers(lambda found: [{"sort": "name"}]),
    "customers by value": _customers(lambda found: [{"sort": "value"}]),
    "customers overdue": _customers(lambda found: [{"tag": "overdue"}]),
    "search plate tail": _customers(lambda found: [{"q": tail} for tail in found.plate_tails]),
    "search name": _customers(lambda found: [{"q": name} for name in found.names]),
    "profile": _customer("customer"),
    "timeline": _customer("customer_timeline"),
    "follow-ups": _plain("follow_ups"),
    "value": _plain("valuation_dashboard"),
    "value of a store": _unit("valued_unit"),
    "cohorts of a store": _unit("valued_cohorts"),
    "customers of a store by value": _unit("valued_customers"),
    "models": _plain("models"),
    "back-test": _plain("backtest"),
    "imports": _plain("imports"),
    "data quality": _plain("data_quality"),
    "people": _plain("people"),
    "units": _plain("units"),
    "audit": _plain("audit"),
}
