"""Rows for auditors: figures under pseudonyms, and nothing by which to know anybody."""

from datetime import date
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from customers.models import Customer
from customers.privacy.erasure import erase
from organization.access import Access, entered
from tests.customers.records import make_contact
from tests.factories import Group, make_customer, make_vehicle
from tests.valuation.score_sets import AS_OF, make_fit, make_score, make_score_set
from valuation.deidentified import FEWEST, Cells
from valuation.engine import create_valuation
from valuation.models import Pseudonym, Valuation, ValuedCustomer

NUMBER, PLATE, VIN = "13912345678", "沪A12345", "LATPAB071W1005301"
PERSONAL = ("欧阳慕雪", NUMBER, NUMBER[-4:], PLATE, VIN, VIN[-6:], "1988-05-06", "1988")


@pytest.fixture
def wang(group: Group) -> Customer:
    """One of five born in the 1980s in Shanghai; a sixth is the only one of his city."""
    cache.clear()
    with entered(group.system):
        score_set = make_score_set(group)
        fit = make_fit(score_set)
        for number in range(FEWEST + 1):
            person = make_customer(
                group,
                name="欧阳慕雪" if number == 0 else f"某{number}",
                city="上海" if number < FEWEST else "漠河",
                birth_date=date(1980 + number, 5, 6) if number else date(1988, 5, 6),
            )
            make_score(score_set, fit, person)
        first = Customer.objects.get(name="欧阳慕雪")
        make_contact(first, NUMBER)
        make_vehicle(group, first, VIN, plate=PLATE)
    create_valuation(group.system, AS_OF)
    return first


def without_pseudonyms(group: Group, text: str) -> str:
    """Random digits would now and then spell a year or the end of a number."""
    with entered(group.system):
        drawn = [str(p) for p in Pseudonym.objects.values_list("pseudonym", flat=True)]
    assert len(drawn) == FEWEST + 1
    for pseudonym in drawn:
        assert pseudonym in text
        text = text.replace(pseudonym, "")
    return text


def test_the_page_names_nobody(group: Group, client_of: Any, wang: Customer) -> None:
    page = client_of("auditor").get(reverse("deidentified_rows"))
    text = page.content.decode()
    shown = without_pseudonyms(group, strip_tags(text))
    assert page.status_code == 200
    assert len(page.context["table"].rows) == FEWEST + 1
    assert not [p for p in PERSONAL if p in shown]
    assert not [p for p in (NUMBER, PLATE, VIN, str(wang.uid), f"C{wang.pk}<") if p in text]
    assert "1980s" in shown


def test_the_api_names_nobody(group: Group, client_of: Any, wang: Customer) -> None:
    answer = client_of("auditor").get("/api/v1/deidentified/")
    rows = answer.json()["results"]
    assert {key for row in rows for key in row} == {
        *("pseudonym", "segment", "first_quarter", "city", "generation"),
        *("value_fen", "undiscounted_fen"),
    }
    text = without_pseudonyms(group, answer.content.decode())
    assert not [p for p in (*PERSONAL[:-1], str(wang.uid)) if p in text]


def test_who_stands_alone_is_not_shown_by_city(client_of: Any, wang: Customer) -> None:
    rows = client_of("auditor").get("/api/v1/deidentified/").json()["results"]
    assert sorted(row["city"] for row in rows) == ["", *["上海"] * FEWEST]
    assert {row["generation"] for row in rows} == {"1980s"}


def test_the_rows_sum_to_the_value(group: Group, client_of: Any, wang: Customer) -> None:
    rows = client_of("auditor").get("/api/v1/deidentified/").json()["results"]
    with entered(group.system):
        whole = Valuation.objects.get().units.get(unit=group.units[""])
    assert sum(row["value_fen"] for row in rows) == whole.expected_fen


def test_an_erasure_leaves_the_value_and_takes_the_link(group: Group, wang: Customer) -> None:
    def total() -> int:
        return int(ValuedCustomer.objects.aggregate(s=Sum("value_fen"))["s"])

    with entered(group.system) as access:
        before, lines = total(), ValuedCustomer.objects.count()
        erase(access, wang, timezone.now())
        assert not Pseudonym.objects.filter(customer=wang).exists()
        assert (total(), ValuedCustomer.objects.count()) == (before, lines)
    again, created = create_valuation(Access.system(group.tenant.pk, "test"), AS_OF)
    with entered(group.system):
        assert not created, "the same inputs are the same valuation"
        assert again.units.get(unit=group.units[""]).expected_fen == before


@pytest.mark.parametrize("who", ["advisor", "steward", "admin"])
def test_it_is_for_those_who_see_values(client_of: Any, wang: Customer, who: str) -> None:
    client = client_of(who)
    assert client.get(reverse("deidentified_rows")).status_code == 403
    assert client.get("/api/v1/deidentified/").status_code == 403


@pytest.mark.parametrize(
    ("both", "decade", "shown"),
    [(5, 5, ("上海", "1980s")), (4, 5, ("", "1980s")), (4, 4, ("", ""))],
)
def test_a_fact_is_shown_where_enough_share_it(
    both: int, decade: int, shown: tuple[str, str]
) -> None:
    assert Cells({("上海", 1980): both}, {1980: decade}).shown("上海", 1988) == shown


def test_an_unknown_year_shows_nothing() -> None:
    assert Cells({("上海", 1980): 99}, {1980: 99}).shown("上海", None) == ("", "")
