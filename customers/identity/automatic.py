"""What an import merges without asking, and what it lays before the stewards."""

from django.db import connection

from customers.identity.evidence import Pair, lay_out_candidates, strong_pairs
from customers.identity.proposals import propose
from customers.identity.state import settle, standing, taken_back, wait_for_turn
from organization import audit
from organization.access import current_access

AUTHOR = "system:identity"


def merge_on_strong_evidence(tenant_id: int) -> int:
    """Merge what strong evidence shows to be one customer, and propose what weak evidence suggests.

    Runs inside the tenant's system access, in one transaction. A split, a rejection, and a merge
    that somebody has undone keep what they part apart. Returns the count of customer numbers that
    now belong to another customer than before.
    """
    wait_for_turn(tenant_id)
    with connection.cursor() as cursor:
        lay_out_candidates(cursor, tenant_id)
    decided = standing(tenant_id)
    components = decided.components(*taken_back(tenant_id))
    accepted = [p for p in strong_pairs(tenant_id) if components.union(p.own_a, p.own_b)]
    _record(tenant_id, accepted)
    decided.merges.extend((p.own_a, p.own_b) for p in accepted)
    moved = settle(tenant_id, decided.components(), None)
    proposed = propose(tenant_id, decided)
    with connection.cursor() as cursor:
        cursor.execute("drop table identity_candidate")
    if accepted:
        audit.record(
            current_access(),
            "identity.matched",
            "",
            merges=len(accepted),
            numbers=moved,
            proposals=proposed,
        )
    return moved


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
