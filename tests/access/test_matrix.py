"""Every address, asked by every role at a store and at the group, about its own and others' rows.

The addresses are enumerated; the rules are those of ``tests.access.rules``. Whatever is refused is
also shown to have changed nothing, and what one may not know answers as what does not exist.
"""

from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from tests.access.requests import (
    CAST,
    MISSING,
    Person,
    address,
    client_for,
    expected,
    route_names,
    targets_of,
)
from tests.access.rules import ROUTES
from tests.access.world import World, state_of

REFUSED = {401, 403, 404, 405}


def test_every_address_has_a_rule_and_every_rule_an_address() -> None:
    assert sorted(route_names()) == sorted(ROUTES)


def ask(client: Client, method: str, path: str, data: dict[str, Any]) -> HttpResponse:
    """One request of a browser that is signed in afresh: what it writes is taken back."""
    fresh = Client(raise_request_exception=False)
    fresh.cookies.update(client.cookies)
    with transaction.atomic():
        answer = fresh.get(path) if method == "GET" else fresh.post(path, data)
        if answer.status_code not in REFUSED:
            transaction.set_rollback(True)
    return answer


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("person", CAST, ids=str)
def test_who_gets_what(world: World, db: None, person: Person, method: str) -> None:
    client = client_for(world, person)
    before = state_of(world)
    wrong = []
    for name, rule in ROUTES.items():
        for target in targets_of(rule):
            answer = ask(client, method, address(world, name, target), rule.data)
            allowed = expected(name, person, target, method)
            if answer.status_code not in allowed:
                wrong.append(f"{method} {name} ({target}): {answer.status_code}, not {allowed}")
            if method == "POST" and answer.status_code in REFUSED and state_of(world) != before:
                wrong.append(f"{method} {name} ({target}) was refused and changed rows")
                before = state_of(world)
    assert wrong == []
    assert state_of(world) == before


def words(answer: HttpResponse, path: str, own: str) -> str:
    """The body without what the request itself said: its address and the code in it."""
    text = answer.content.decode()
    for said in (path, own):
        text = text.replace(said, "·")
    return text


@pytest.mark.parametrize("person", [p for p in CAST if p.role], ids=str)
def test_what_is_not_yours_answers_as_what_does_not_exist(
    world: World, db: None, person: Person
) -> None:
    client = client_for(world, person)
    told = []
    for name, rule in ROUTES.items():
        if not rule.names:
            continue
        method = "GET" if rule.get != (405,) else "POST"
        missing = address(world, name, "missing")
        if expected(name, person, "missing", method) != (rule.hidden,):
            continue
        nothing = ask(client, method, missing, rule.data)
        for target in ("sibling", "parent", "foreign"):
            if expected(name, person, target, method) != (rule.hidden,):
                continue
            path = address(world, name, target)
            answer = ask(client, method, path, rule.data)
            code = path.strip("/").split("/")
            words_of = [
                words(a, p, next((c for c in p.split("/") if c in _codes(world)), "…"))
                for a, p in ((answer, path), (nothing, missing))
            ]
            if words_of[0] != words_of[1] or answer.headers.keys() != nothing.headers.keys():
                told.append(f"{name} ({target}): {code}")
    assert told == []


def _codes(world: World) -> set[str]:
    units = [*world.mine.units.values(), *world.theirs.units.values()]
    return {unit.code for unit in units} | {str(v) for m in MISSING.values() for v in m.values()}


@pytest.mark.parametrize("person", [p for p in CAST if p.role], ids=str)
def test_no_answer_holds_a_row_from_beyond(world: World, db: None, person: Person) -> None:
    """Everything that the person may open is searched for the marks of all other places."""
    client = client_for(world, person)
    hidden = world.marks_beyond(world.people[person.role, person.where])
    leaks = []
    for name, rule in ROUTES.items():
        for target in targets_of(rule):
            path = address(world, name, target)
            answer = ask(client, "GET", path, {})
            body = b"".join(answer) if answer.streaming else answer.content
            leaks += [f"{name}: {m}" for m in hidden if m in body.decode() and m not in path]
    assert leaks == []
