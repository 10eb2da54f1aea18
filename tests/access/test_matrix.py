"""Every address, asked by every role at a store and at the group, about its own and others' rows.

The addresses are enumerated; the rules are those of ``tests.access.rules``. Whatever is refused is
also shown to have changed nothing, and what one may not know answers as what does not exist.
"""

import re
from dataclasses import dataclass

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from organization.models import Role
from tests.access.requests import (
    CAST,
    Person,
    address,
    capable,
    client_for,
    expected,
    targets_of,
    views,
)
from tests.access.rules import ROUTES
from tests.access.world import World, state_of

REFUSED = {401, 403, 404, 405}
FORM_TOKEN = re.compile(r'value="[A-Za-z0-9]{64}"')
# One person's requests are made once, on one worker, and looked at by several tests.
PEOPLE = [
    pytest.param(person, marks=pytest.mark.xdist_group(f"matrix {person}"), id=str(person))
    for person in CAST
]


def test_every_address_has_a_rule_and_every_rule_an_address() -> None:
    assert sorted(views()) == sorted(ROUTES)


@dataclass(frozen=True)
class Asked:
    """One request of a person and what came of it."""

    name: str
    method: str
    target: str
    path: str
    status: int
    body: str
    headers: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.name} ({self.target})"

    @property
    def words(self) -> str:
        """The body without what the request itself said, and without the form's token."""
        text = FORM_TOKEN.sub("", self.body)
        codes = [part for part in self.path.split("/")[2:] if not part.isdecimal() and part]
        for said in (self.path, *codes):
            text = text.replace(said, "·")
        return text


def ask(client: Client, world: World, name: str, method: str, target: str) -> Asked:
    """One request; what is allowed to write is taken back, what is refused stays to be judged."""
    fresh = Client(raise_request_exception=False)
    fresh.cookies.update(client.cookies)
    path = address(world, name, target)
    with transaction.atomic():
        answer: HttpResponse = (
            fresh.get(path) if method == "GET" else fresh.post(path, ROUTES[name].sent())
        )
        body = b"".join(answer) if answer.streaming else answer.content
        if answer.status_code not in REFUSED:
            transaction.set_rollback(True)
    return Asked(
        *(name, method, target, path, answer.status_code, body.decode(errors="replace")),
        tuple(sorted(answer.headers)),
    )


@pytest.fixture
def asked(world: World, db: None, person: Person) -> list[Asked]:
    """Everything that the person asks for; made by the first test that wants it."""
    if str(person) not in world.answers:
        client = client_for(world, person)
        before = state_of(world)
        world.answers[str(person)] = [
            ask(client, world, name, method, target)
            for name, rule in ROUTES.items()
            for method in ("GET", "POST")
            for target in targets_of(rule, method, person)
        ]
        after = state_of(world)
        assert before == after, f"{person}: a refused request changed rows"
    return world.answers[str(person)]


@pytest.mark.parametrize("person", PEOPLE)
def test_every_answer_is_the_rules_and_nothing_refused_changes_a_row(
    asked: list[Asked], person: Person
) -> None:
    wrong = [
        f"{one}: {one.status}, not {allowed}"
        for one in asked
        if one.status not in (allowed := expected(one.name, person, one.target, one.method))
    ]
    assert wrong == []


@pytest.mark.parametrize("person", PEOPLE)
def test_what_is_not_yours_answers_as_what_does_not_exist(
    asked: list[Asked], person: Person
) -> None:
    missing = {(one.name, one.method): one for one in asked if one.target == "missing"}
    told = [
        str(one)
        for one in asked
        if one.target in ("sibling", "parent", "foreign")
        and one.status == 404
        and (one.words, one.headers)
        != ((nothing := missing[one.name, one.method]).words, nothing.headers)
    ]
    assert told == []


@pytest.mark.parametrize("person", [one for one in PEOPLE if one.values[0].role])
def test_no_answer_holds_a_row_from_beyond(
    world: World, asked: list[Asked], person: Person
) -> None:
    """Everything that the person may open is searched for the marks of all other places."""
    hidden = world.marks_beyond(world.people[person.role, person.where])
    leaks = [
        f"{one}: {mark}"
        for one in asked
        for mark in hidden
        if mark in one.body and mark not in one.path
    ]
    assert leaks == []


@pytest.mark.parametrize("role", [role for role in Role.values if role != Role.ADVISOR])
def test_what_a_role_may_do_at_one_store_is_not_lent_to_another(
    world: World, db: None, role: str
) -> None:
    """Somebody with that role at S1 and an advisor's at S2 gets at each what that one gets."""
    client = client_for(world, Person(role, "two stores"))
    lent = []
    for name, rule in ROUTES.items():
        if rule.rows not in ("store", "unit", "people") or not (rule.needs or rule.any_of):
            continue
        for method, allowed in (("GET", rule.get), ("POST", rule.post)):
            for target, held in (("own", role), ("sibling", Role.ADVISOR)):
                if allowed == (405,) or capable(rule, held):
                    continue
                one = ask(client, world, name, method, target)
                if one.status not in (403, rule.hidden):
                    lent.append(f"{one}: {one.status}")
    assert lent == []
