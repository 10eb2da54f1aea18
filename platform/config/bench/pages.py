"""Server time of every page, and the share of it that row-level security costs.

The same requests run with the policies as they are and with every policy replaced by
``using (true)``, round about, in one process on one database. The pages' own filters stay, so both
give the same answers; where they do not, a page leans on the policy alone and is named.
"""

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from math import ceil
from statistics import median
from typing import Any

from django.db import connection, connections, transaction
from django.test import Client
from psycopg import sql

from config.bench.catalogue import BenchRefused, Order
from config.bench.group import Trained, load_and_train, memory
from config.bench.measurement import Stages
from config.bench.requests import Page, accounts, examples, pages
from customers.follow_ups import make_follow_ups
from organization.access import entered
from organization.row_security import application_role
from organization.second_factor import mark_passed
from organization.tenants import choose_tenant
from valuation.engine import create_valuation

ROUNDS = 3
REQUESTS = 8
SLOW_MS = 150.0
# What differs between two answers to the same request: tokens against forgery.
_TOKEN = re.compile(rb"[A-Za-z0-9]{64}")
_POLICIES = """
select tablename, policyname, qual from pg_policies
where schemaname = 'public' and %s = any(roles) and qual is not null
"""


@dataclass
class Timing:
    """One page of one role: milliseconds of each request, by whether the policies stood."""

    page: Page
    status: int = 0
    queries: int = 0
    with_rls: list[float] = field(default_factory=list)
    without_rls: list[float] = field(default_factory=list)
    same_answer: bool = True

    def as_dict(self) -> dict[str, Any]:
        ours, bare = median(self.with_rls), median(self.without_rls)
        return {
            "role": self.page.role,
            "page": self.page.name,
            "status": self.status,
            "queries": self.queries,
            "median_ms": round(ours, 1),
            "p95_ms": round(_p95(self.with_rls), 1),
            "without_rls_ms": round(bare, 1),
            "cost": round(ours / bare - 1.0, 3),
            "same_answer": self.same_answer,
        }


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: one object per page and role, and the cost of row-level security."""
    stages = Stages()
    trained = load_and_train(order, stages)
    with stages.timed("value"):
        create_valuation(trained.access, trained.as_of)
    with stages.timed("follow_ups"):
        make_follow_ups(trained.access, date.today())
    timings, missing = _timings(trained)
    clients = _clients()
    with memory() as used, stages.timed("requests"):
        _look_once(timings, clients)
        shown = [timing for timing in timings if timing.status < 400]
        _measure_rounds(shown, clients)
    if not shown:
        raise BenchRefused("No page answered: there is nothing to measure.")
    seconds = {**stages.seconds, "with_rls": _total(shown), "without_rls": _total(shown, bare=True)}
    return {
        "seconds": seconds,
        **used.figures(),
        "pages": [timing.as_dict() for timing in shown],
        "refused": [_name(t) for t in timings if 400 <= t.status < 500],
        "failed": [_name(t) for t in timings if t.status >= 500],
        "missing": missing,
        "requests_each": ROUNDS * REQUESTS,
        "slow": [_name(t) for t in shown if median(t.with_rls) > SLOW_MS],
        "answers_differ": [_name(t) for t in shown if not t.same_answer],
        "cost_by_role": _cost_by_role(shown),
        "peer": "the same requests with every policy replaced by using (true)",
        "peer_seconds": seconds["without_rls"],
        "ratio": round(seconds["with_rls"] / seconds["without_rls"], 3),
        "ratio_is": "ours / peer, sums of the medians: what row-level security costs",
    }


def _timings(trained: Trained) -> tuple[list[Timing], list[str]]:
    with entered(trained.access):
        built, missing = pages(examples())
    if not built:
        raise BenchRefused("config.urls names none of the pages that are measured.")
    return [Timing(page) for page in built], missing


def _clients() -> dict[str, Client]:
    """One signed-in client per role. A page that fails answers 500 and is reported so."""
    found = {}
    for role, account in accounts(choose_tenant(None)).items():
        found[role] = Client(raise_request_exception=False, headers={"host": "localhost"})
        found[role].force_login(account)
        session = found[role].session
        mark_passed(session)
        session.save()
    return found


def _look_once(timings: list[Timing], clients: dict[str, Client]) -> None:
    """First requests: status, number of queries, and whether the answer needs the policies."""
    for timing in timings:
        client = clients[timing.page.role]
        timing.status = client.get(timing.page.addresses[0]).status_code
        with _counted() as queries:
            client.get(timing.page.addresses[0])
        timing.queries = len(queries)
    answers = _answers(timings, clients)
    with without_policies():
        bare = _answers(timings, clients)
    for timing, ours, theirs in zip(timings, answers, bare, strict=True):
        timing.same_answer = ours == theirs


@contextmanager
def _counted() -> Iterator[list[str]]:
    statements: list[str] = []

    def count(execute: Any, statement: str, *rest: Any) -> Any:
        statements.append(statement)
        return execute(statement, *rest)

    with connection.execute_wrapper(count):
        yield statements


def _answers(timings: list[Timing], clients: dict[str, Client]) -> list[str]:
    """Digest of each page's first answer."""
    bodies = [clients[t.page.role].get(t.page.addresses[0]).content for t in timings]
    return [hashlib.sha256(_TOKEN.sub(b"", body)).hexdigest() for body in bodies]


def _measure_rounds(timings: list[Timing], clients: dict[str, Client]) -> None:
    """Both sides of a page right after each other: what else the machine does, hits both."""
    for number in range(ROUNDS):
        for timing in timings:
            timing.with_rls += _request(timing.page, clients, number)
            with without_policies():
                timing.without_rls += _request(timing.page, clients, number)


def _request(page: Page, clients: dict[str, Client], part: int) -> list[float]:
    """Milliseconds of each request of one round, after one that is not counted."""
    client, found = clients[page.role], []
    client.get(page.addresses[0])
    for number in range(part * REQUESTS, (part + 1) * REQUESTS):
        address = page.addresses[number % len(page.addresses)]
        began = time.perf_counter()
        client.get(address)
        found.append((time.perf_counter() - began) * 1000.0)
    return found


@contextmanager
def without_policies() -> Iterator[None]:
    """Every reading policy of the application role lets all rows through; put back on leaving."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(_POLICIES, [application_role()])
        policies = cursor.fetchall()
    _set_rules([(table, policy, "true") for table, policy, _ in policies])
    try:
        yield
    finally:
        _set_rules(policies)


def _set_rules(policies: list[tuple[str, str, str]]) -> None:
    """Table, policy and rule each; ``rule`` may be the server's own text of a policy."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        for table, policy, rule in policies:
            cursor.execute(
                sql.SQL("alter policy {policy} on {table} using ({rule})").format(
                    policy=sql.Identifier(policy), table=sql.Identifier(table), rule=sql.SQL(rule)
                )
            )


def _p95(values: list[float]) -> float:
    return sorted(values)[ceil(0.95 * len(values)) - 1]


def _total(timings: list[Timing], *, bare: bool = False) -> float:
    """Seconds: the medians of all pages added up."""
    return round(sum(median(t.without_rls if bare else t.with_rls) for t in timings) / 1000.0, 4)


def _cost_by_role(timings: list[Timing]) -> dict[str, float]:
    roles = {timing.page.role for timing in timings}
    parts = {role: [t for t in timings if t.page.role == role] for role in sorted(roles)}
    return {r: round(_total(p) / _total(p, bare=True) - 1.0, 3) for r, p in parts.items()}


def _name(timing: Timing) -> str:
    return f"{timing.page.name} ({timing.page.role})"
