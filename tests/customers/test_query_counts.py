"""Pages ask the database the same number of times, however many rows they show.

``query_counts.json`` is the baseline, beyond what the frame of every page needs. A page that needs
more must say so by changing the file.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from organization.access import entered
from tests.customers.records import (
    ago,
    make_event,
    make_follow_up,
    make_line,
    make_regular,
    make_score,
    make_score_set,
    make_survey,
    make_tag,
    today,
)
from tests.factories import Group, make_vehicle, make_visit

pytestmark = pytest.mark.urls("tests.customers.urls")
BASELINE: dict[str, int] = json.loads(
    Path(__file__).with_name("query_counts.json").read_text(encoding="utf-8")
)


def _store(group: Group, rows: int) -> Customer:
    """A store with ``rows`` customers; the first has ``rows`` of everything, and a relative."""
    score_set = make_score_set(group)
    make_regular(group, name="家人", vin="LATPAB071WFAMILY1", plate="沪A99999")
    first = None
    for number in range(rows):
        customer, vehicle = make_regular(
            group, name=f"王{number}", vin=f"LATPAB071W{number:07d}", plate=f"沪A{number:05d}"
        )
        first = first or customer
        make_score(score_set, customer)
        make_tag(customer, "overdue")
        make_follow_up(customer, vehicle=vehicle, due_on=ago(1))
        make_event(customer, "appointment", today(), vehicle=vehicle, status="booked")
        visit = make_visit(group, first, ago(number), ro_no=f"V{number}", vehicle=vehicle)
        make_line(visit, "轮胎", declined=True)
        make_survey(first, ago(number), 5)
        if number:
            make_vehicle(group, first, f"LSVAA49J{number:09d}", ago(900))
    assert first is not None
    return first


PAGES = {
    "advisor start": ("advisor", "/"),
    "store manager start": ("store_manager", "/"),
    "customers, advisor": ("advisor", "/customers/"),
    "customers, by name": ("advisor", "/customers/?sort=name"),
    "customers, by value": ("store_manager", "/customers/?sort=value"),
    "customers, by tag": ("advisor", "/customers/?tag=overdue"),
    "profile, advisor": ("advisor", "/customers/{uid}/"),
    "profile, manager": ("store_manager", "/customers/{uid}/"),
    "profile, executive": ("ceo", "/customers/{uid}/"),
    "timeline": ("advisor", "/customers/{uid}/timeline"),
    "follow-ups": ("advisor", "/follow-ups/"),
}


def _queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path)
    assert response.status_code == 200, path
    return len(queries)


@pytest.mark.parametrize("rows", [1, 30])
def test_query_counts_are_constant(client_of: Any, group: Group, rows: int) -> None:
    with entered(group.system):
        first = _store(group, rows)
    counted = {}
    for name, (person, path) in PAGES.items():
        client = client_of(person)
        frame = _queries(client, "/people/")
        counted[name] = _queries(client, path.format(uid=first.uid)) - frame
    assert counted == BASELINE
