"""Whether the audit trail is whole: the hash chain recomputed outside the database.

The database links each event to the one before it (``organization.audit_triggers``). Here the
same hashes are computed in Python from what is stored, so that a function altered in the database
does not vouch for itself. A chain proves nothing about its own end: whoever may rewrite tables can
cut the newest events and the head with them. Hence anchors: a hash noted outside the database,
which the chain must still contain.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast

from organization.access import Access, entered
from organization.models import AuditChain, AuditEvent

GENESIS = bytes(32)


@dataclass(frozen=True)
class Link:
    """One event as it is stored. ``detail`` is the text of the jsonb value."""

    pk: int
    tenant_id: int
    number: int | None
    at: datetime
    actor: str
    account_id: int | None
    action: str
    subject: str
    detail: str
    previous: bytes | None
    hash: bytes | None

    def canonical(self) -> str:
        """The event as a JSON array in PostgreSQL's spelling of jsonb."""
        at = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        head = (self.tenant_id, self.number, at, self.actor, self.account_id)
        parts = [json.dumps(part, ensure_ascii=False) for part in (*head, self.action)]
        parts.append(json.dumps(self.subject, ensure_ascii=False))
        return f"[{', '.join([*parts, self.detail])}]"

    def digest(self) -> bytes:
        return hashlib.sha256((self.previous or b"") + self.canonical().encode()).digest()


@dataclass(frozen=True)
class Break:
    """The first place where the chain does not hold.

    ``problem``: ``changed`` (an event says something else than when it was written), ``missing``
    (events before this one are gone), ``reordered`` (it stands elsewhere than where it was
    written), ``cut`` (it follows an event that is no longer there), ``unlinked`` (written past the
    triggers), ``end`` (the newest events are gone), ``anchor`` (the expected hash is not there).
    """

    problem: str
    number: int | None
    event: int | None


@dataclass(frozen=True)
class Verdict:
    events: int
    head: str
    broken: Break | None

    def as_json(self) -> dict[str, Any]:
        found = asdict(self.broken) if self.broken else None
        return {"events": self.events, "head": self.head, "break": found}


def first_break(links: Iterable[Link], known: frozenset[bytes] = frozenset()) -> Verdict:
    """Walk the chain in the order of its numbers.

    Args:
        links: events by ascending number, those without a number last.
        known: hashes of all events, to tell a moved event from one whose predecessor is gone.
    """
    last, count = GENESIS, 0
    for link in links:
        problem = _problem(link, count + 1, last, known)
        if problem:
            return Verdict(count, last.hex(), Break(problem, link.number, link.pk))
        count += 1
        last = bytes(link.hash or b"")
    return Verdict(count, last.hex(), None)


def _problem(link: Link, expected: int, last: bytes, known: frozenset[bytes]) -> str:
    if link.number is None or link.previous is None or link.hash is None:
        return "unlinked"
    if link.number != expected:
        return "missing" if link.number > expected else "reordered"
    if link.previous != last:
        return "reordered" if link.previous in known else "cut"
    return "" if link.digest() == link.hash else "changed"


def _stored() -> Iterator[Link]:
    rows = (
        AuditEvent.objects.annotate(text=Cast("detail", TextField()))
        .order_by("number", "pk")  # PostgreSQL puts those without a number last
        .defer("detail")
    )
    for row in rows.iterator(chunk_size=5000):
        yield Link(
            *(row.pk, row.tenant_id, row.number, row.at, row.actor, row.account_id),
            action=row.action,
            subject=row.subject,
            detail=row.text,
            previous=None if row.previous is None else bytes(row.previous),
            hash=None if row.hash is None else bytes(row.hash),
        )


def verify(tenant_id: int, expect: Iterable[str] = ()) -> Verdict:
    """Recompute the chain of one group; ``expect`` are hashes (hex) that it must contain."""
    with entered(Access.system(tenant_id, "audit_verify")):
        head = AuditChain.objects.first()
        hashes = AuditEvent.objects.exclude(hash=None).values_list("hash", flat=True)
        known = frozenset(bytes(digest) for digest in hashes.iterator(chunk_size=5000))
        verdict = first_break(_stored(), known)
    if verdict.broken:
        return verdict
    if head is not None and (verdict.events < head.number or bytes(head.hash) not in known):
        return Verdict(verdict.events, verdict.head, Break("end", head.number, None))
    for wanted in expect:
        if bytes.fromhex(wanted) not in known:
            return Verdict(verdict.events, verdict.head, Break("anchor", None, None))
    return verdict
