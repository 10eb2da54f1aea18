"""Every query of every page and API list reaches its rows by an index, as the application role.

A statement is explained at the moment it is asked, in the same connection and context, with whole
scans priced out of reach: what still scans a table from end to end has no index that it could use.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from organization.models import Role
from tests.access.requests import Person, address, capable, client_for
from tests.access.rules import ROUTES
from tests.access.world import World

# Tables that hold millions of rows in an installation of a million customers.
LARGE = {
    "customers_consent",
    "customers_contactpoint",
    "customers_contract",
    "customers_customer",
    "customers_customersource",
    "customers_customertag",
    "customers_event",
    "customers_followup",
    "customers_mergedecision",
    "customers_ownership",
    "customers_personkey",
    "customers_recordrevision",
    "customers_rejectedrow",
    "customers_survey",
    "customers_vehicle",
    "customers_visit",
    "customers_visitline",
    "ml_score",
    "organization_auditevent",
    "valuation_valuedcustomer",
}
# The widest and the narrowest reach, and those who open what neither does.
PEOPLE = [
    Person(Role.EXECUTIVE, "group"),
    Person(Role.ADVISOR, "store"),
    Person(Role.MANAGER, "store"),
    Person(Role.DATA_STEWARD, "group"),
    Person(Role.ADMINISTRATOR, "group"),
]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _partition_of(table: str) -> str:
    """The table that a partition belongs to."""
    return next((large for large in LARGE if table.startswith(large + "_")), table)


def whole_scans(plan: dict[str, Any]) -> list[str]:
    """Nodes that read a large table from end to end: no condition that an index answers."""
    found = []
    for node in _nodes(plan):
        table = node.get("Relation Name", "")
        kind = node["Node Type"]
        if _partition_of(table) in LARGE and (
            kind == "Seq Scan" or (kind.startswith("Index") and "Index Cond" not in node)
        ):
            found.append(f"{kind} of {table}")
    return found


def policies_by_row(plan: dict[str, Any]) -> list[str]:
    """Subplans that are carried out again for each row: a policy must be computed once."""
    return [
        f"{node['Subplan Name']} in the filter of each row"
        for node in _nodes(plan)
        if node.get("Parent Relationship") == "SubPlan"
        and "current_setting" in json.dumps(node)
        and node.get("Subplan Name", "").startswith("SubPlan")
    ]


@contextmanager
def explained() -> Iterator[dict[str, dict[str, Any]]]:
    """Plans of all reading statements on large tables, by statement."""
    plans: dict[str, dict[str, Any]] = {}
    busy = False

    def explain(execute: Any, statement: Any, params: Any, many: bool, context: Any) -> Any:
        nonlocal busy
        text = str(statement)
        read = text.lstrip().lower().startswith(("select", "with"))
        if not busy and read and not many and any(table in text for table in LARGE):
            busy = True
            try:
                with connection.cursor() as cursor:
                    cursor.execute("set local enable_seqscan = off")
                    cursor.execute(f"explain (format json, costs off) {text}", params)
                    plans.setdefault(text, cursor.fetchone()[0][0]["Plan"])
                    cursor.execute("set local enable_seqscan = on")
            finally:
                busy = False
        return execute(statement, params, many, context)

    with connection.execute_wrapper(explain):
        yield plans


@pytest.mark.parametrize("person", PEOPLE, ids=str)
def test_no_page_and_no_list_reads_a_large_table_from_end_to_end(
    world: World, db: None, person: Person
) -> None:
    client = client_for(world, person)
    wrong: list[str] = []
    seen = 0
    for name, rule in ROUTES.items():
        if rule.get == (405,) or rule.signed_out or not capable(rule, person.role):
            continue
        with transaction.atomic(), explained() as plans:
            client.get(address(world, name, "own"))
            transaction.set_rollback(True)
        seen += len(plans)
        for statement, plan in plans.items():
            faults = whole_scans(plan) + policies_by_row(plan)
            wrong += [f"{name}: {fault}\n    {statement[:600]}" for fault in faults]
    assert seen > 0
    assert wrong == []


def test_a_whole_scan_and_a_policy_by_row_are_seen() -> None:
    """The judgement itself, on plans as the server writes them."""
    scan = {"Node Type": "Seq Scan", "Relation Name": "customers_visit"}
    part = {"Node Type": "Index Scan", "Relation Name": "ml_score_17"}
    assert whole_scans({"Node Type": "Limit", "Plans": [scan, part]}) == [
        "Seq Scan of customers_visit",
        "Index Scan of ml_score_17",
    ]
    again = {
        "Node Type": "Result",
        "Parent Relationship": "SubPlan",
        "Subplan Name": "SubPlan 2",
        "Output": ["current_setting('parcfolio.stores')"],
    }
    assert policies_by_row({"Node Type": "Seq Scan", "Plans": [again]})
