"""What an import merges without asking, and what it lays before the stewards."""

from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection

from customers.identity import around
from customers.identity.evidence import Pair, lay_out_candidates, strong_pairs
from customers.identity.proposals import propose
from customers.identity.state import closure, settle, standing, taken_back, wait_for_turn
from organization import audit
from organization.access import current_access

AUTHOR = "system:identity"


@dataclass(frozen=True)
class _Found:
    """What a match did; the keys of the event on the trail."""

    merges: int
    numbers: int
    proposals: int


def merge_on_strong_evidence(tenant_id: int, *, whole: bool = False) -> int:
    """Merge what strong evidence shows to be one customer, and propose what weak evidence suggests.

    Looks around the numbers that the database has noted since the last time
    (``customers.identity.due_triggers``); at the whole group where these are many, or if asked for,
    to the same end. Runs inside the tenant's system access, in one transaction. A split, a
    rejection, and a merge that somebody has undone keep what they part apart. Returns the count of
    customer numbers that now belong to another customer than before.
    """
    wait_for_turn(tenant_id)
    with connection.cursor() as cursor:
        due = around.take_due(cursor, tenant_id)
        if whole or due is None:
            found = _match(cursor, tenant_id, None)
        elif due:
            with around.joined_by_hash(cursor, False):
                found = _match_around(cursor, tenant_id)
        else:
            found = _Found(0, 0, 0)
        cursor.execute("drop table if exists pg_temp.identity_candidate")
        around.forget(cursor)
    if found.merges:
        audit.record(current_access(), "identity.matched", "", **asdict(found))
    return found.numbers


def _match_around(cursor: Any, tenant_id: int) -> _Found:
    around.lay_out(cursor, tenant_id)
    cursor.execute("select id from identity_member")
    members = [pk for (pk,) in cursor.fetchall()]
    return _match(cursor, tenant_id, members)


def _match(cursor: Any, tenant_id: int, members: list[int] | None) -> _Found:
    """``members``: the numbers that ``customers.identity.around`` has laid out, None for all."""
    some = members is not None
    lay_out_candidates(cursor, tenant_id, some)
    concerned = closure(tenant_id, members) if members is not None else None
    decided = standing(tenant_id, concerned)
    components = decided.components(*taken_back(tenant_id))
    pairs = strong_pairs(tenant_id, some)
    accepted = [p for p in pairs if components.union(p.own_a, p.own_b)]
    _record(tenant_id, accepted)
    decided.merges.extend((p.own_a, p.own_b) for p in accepted)
    moved = settle(tenant_id, decided.components(), concerned)
    if some:
        around.go_on_from_customers(cursor, tenant_id)
        around.lay_out(cursor, tenant_id)
        lay_out_candidates(cursor, tenant_id, some)
        cursor.execute("select id from identity_member")
        members = [pk for (pk,) in cursor.fetchall()]
        decided = standing(tenant_id, closure(tenant_id, members))
    return _Found(len(accepted), moved, propose(tenant_id, decided, some))


def _record(tenant_id: int, pairs: list[Pair]) -> None:
    """A decision a pair; the order of their ids is the order in which they were accepted."""
    if not pairs:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into customers_mergedecision (tenant_id, kind, source_a_id, source_b_id,"
            " evidence, automatic, decided_by, decided_at, undone_by)"
            " select %s, 'merge', p.a, p.b, jsonb_build_object('by', jsonb_build_array(p.by)),"
            " true, %s, now(), '' from unnest(%s::bigint[], %s::bigint[], %s::text[])"
            " with ordinality as p(a, b, by, place) order by p.place on conflict do nothing",
            [
                *(tenant_id, AUTHOR),
                *([p.source_a for p in pairs], [p.source_b for p in pairs], [p.by for p in pairs]),
            ],
        )
