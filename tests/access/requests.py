"""The cast of the matrix, the addresses it asks for, and what a rule makes it expect."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.urls import get_resolver, reverse

from organization.models import Account, Role
from organization.roles import CAPABILITIES
from organization.second_factor import mark_passed
from tests.access.rules import ROUTES, Route
from tests.access.world import World

TARGETS = ("own", "sibling", "parent", "foreign", "missing")
NOBODY = 10**9


@dataclass(frozen=True)
class Person:
    """Somebody with one role, at store S1 or at the group; ``role`` "" is signed out."""

    role: str
    where: str

    def __str__(self) -> str:
        return f"{self.role} of {self.where}" if self.role else "signed out"


CAST = [
    Person("", ""),
    *(Person(role, where) for role in Role.values for where in ("store", "group")),
]


def views() -> dict[str, Any]:
    """The view of every address, by its name, or by its path where it has none."""
    found: dict[str, Any] = {}

    def walk(entries: list[Any], above: str) -> Iterator[tuple[str, Any]]:
        for entry in entries:
            path = above + str(entry.pattern)
            if hasattr(entry, "url_patterns"):
                yield from walk(entry.url_patterns, path)
            else:
                yield entry.name or path, entry.callback

    for name, view in walk(get_resolver().url_patterns, ""):
        found.setdefault(name, view)
    return found


def _unit(world: World, target: str) -> dict[str, Any]:
    units = world.theirs.units if target == "foreign" else world.mine.units
    suffix = {"own": "-S1", "sibling": "-S2", "parent": "-E", "foreign": "-S1"}[target]
    return {"code": units[suffix].code}


def _row(label: str, argument: str = "pk", attribute: str = "pk") -> Callable[..., dict[str, Any]]:
    def named(world: World, target: str) -> dict[str, Any]:
        return {argument: getattr(world.place(target).row(label), attribute)}

    return named


def _assignment(world: World, target: str) -> dict[str, Any]:
    row = world.place(target).row("organization.Assignment")
    return {"pk": row.staff_id, "assignment_pk": row.pk}


def _number(world: World, target: str) -> dict[str, Any]:
    number = world.place(target).row("customers.CustomerSource")
    return {"uid": world.place(target).row("customers.Customer").uid, "pk": number.pk}


NAMED: dict[str, Callable[[World, str], dict[str, Any]]] = {
    "customer": _row("customers.Customer", "uid", "uid"),
    "follow_up": _row("customers.FollowUp"),
    "person": _row("organization.Staff"),
    "assignment": _assignment,
    "import_profile": _row("customers.ImportProfile"),
    "import_run": _row("customers.ImportRun"),
    "training_run": _row("ml.TrainingRun", "run_id"),
    "model_version": _row("ml.ModelVersion", "version_id"),
    "champion_change": _row("ml.ChampionChange", "change_id"),
    "valuation": _row("valuation.Valuation"),
    "structure": _row("valuation.Structure"),
    "export": _row("valuation.Export"),
    "store": _row("organization.Unit", "code", "code"),
    "grant": _row("organization.Grant"),
    "privacy_request": _row("customers.PrivacyRequest"),
    "merge_proposal": _row("customers.MergeProposal"),
    "merge_decision": _row("customers.MergeDecision"),
    "customer_number": _number,
    "link": lambda world, target: {"uidb64": "MQ", "token": "x-y"},
    "unit": _unit,
    "pool": _row("valuation.Pool"),
    "pool_file": lambda world, target: {
        **_row("valuation.Pool")(world, target),
        "form": "csv",
    },
    "calculator": lambda world, target: {"slug": "campaign"},
    "figure": lambda world, target: {**_unit(world, target), "key": "retention"},
    "task": _row("customers.Task"),
}
MISSING: dict[str, dict[str, Any]] = {
    "customer": {"uid": uuid.UUID(int=4)},
    "assignment": {"pk": NOBODY, "assignment_pk": NOBODY},
    "training_run": {"run_id": NOBODY},
    "customer_number": {"uid": uuid.UUID(int=4), "pk": NOBODY},
    "model_version": {"version_id": NOBODY},
    "champion_change": {"change_id": NOBODY},
    "link": {"uidb64": "MQ", "token": "x-y"},
    "store": {"code": "nowhere"},
    "calculator": {"slug": "nothing"},
    "unit": {"code": "nowhere"},
    "pool_file": {"pk": NOBODY, "form": "csv"},
    "figure": {"code": "nowhere", "key": "retention"},
}


def address(world: World, name: str, target: str) -> str:
    rule = ROUTES[name]
    if not rule.names:
        return reverse(name) if name not in ("healthz", "readyz", "metrics") else f"/{name}"
    missing = MISSING.get(rule.names, {"pk": NOBODY})
    values = missing if target == "missing" else NAMED[rule.names](world, target)
    if name == "api_valuations-detail":
        values = {"unit": values["code"]}
    return reverse(name, kwargs=values)


def targets_of(rule: Route, method: str, person: Person) -> tuple[str, ...]:
    """Whose rows to ask for: one is enough where no row is named or there is no such method; for
    the whole group all of its stores are its own."""
    allowed = rule.get if method == "GET" else rule.post
    if rule.rows == "none" or allowed == (405,) or not person.role:
        return ("own",)
    return TARGETS if person.where == "store" else ("own", "foreign", "missing")


def covered(rule: Route, person: Person, target: str) -> bool:
    """Whether the named rows lie in the person's scope."""
    if rule.rows == "none":
        return True
    if target in ("foreign", "missing"):
        return False
    return rule.rows == "tenant" or person.where == "group" or target == "own"


def capable(rule: Route, role: str) -> bool:
    held = CAPABILITIES[role]
    return set(rule.needs) <= held and (not rule.any_of or bool(set(rule.any_of) & held))


def expected(name: str, person: Person, target: str, method: str) -> tuple[int, ...]:
    """The statuses that the rule allows as an answer."""
    rule = ROUTES[name]
    in_api = name.startswith("api_") and name != "api_docs"
    allowed = rule.get if method == "GET" else rule.post
    if rule.signed_out:
        return allowed
    if not person.role:
        return (401,) if in_api else (302,)
    if allowed == (405,) and not in_api:
        return allowed
    if not capable(rule, person.role) or (rule.whole_group and person.where != "group"):
        return (403,)
    if allowed == (405,):
        return allowed
    if not covered(rule, person, target):
        return (rule.hidden,)
    lacks = method == "POST" and not set(rule.then) <= CAPABILITIES[person.role]
    return (403,) if lacks else allowed


def client_for(world: World, person: Person) -> Client:
    client = Client(raise_request_exception=False)
    if person.role:
        account = world.people[person.role, person.where]
        client.force_login(Account.objects.get(pk=account.pk))
        session = client.session
        mark_passed(session)
        session.save()
    return client
