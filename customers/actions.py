"""The reasons to act for one customer, from plain facts: at most three are shown, the red first.

Pure: :class:`Facts` in, :class:`Reason` out. ``customers.facts`` fills the facts from the records,
``customers.reasons`` has the words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from customers import reasons
from customers.reasons import ReasonKind
from customers.tags import DETRACTOR_UP_TO, DUE_SOON_DAYS, LOST_AFTER_DAYS, WARRANTY_ENDING_DAYS

SHOWN = 3
INSURANCE_RENEWAL_DAYS = 90
# An insurance that ended long ago was renewed elsewhere.
INSURANCE_LAPSED_DAYS = 30
PACKAGE_ENDING_DAYS = 60
COMEBACK_DAYS = 60
LOW_NPS_DAYS = 90
DECLINED_DAYS = 365
LOST_POOL_DAYS = 730


@dataclass(frozen=True)
class Occurrence:
    """Something that happened on a day, to a vehicle where that is known."""

    on: date
    what: str = ""
    vehicle_id: int | None = None
    score: int | None = None


@dataclass(frozen=True)
class ServiceDue:
    """Next periodic service of one vehicle; ``serviced`` is false before the first."""

    vehicle_id: int
    due_on: date | None
    serviced: bool
    last_on: date | None = None
    bought_on: date | None = None


@dataclass(frozen=True)
class Ending:
    """Something of a vehicle or customer that ends: warranty, insurance, prepaid balance."""

    until: date
    vehicle_id: int | None = None
    balance_fen: int = 0


@dataclass(frozen=True)
class Facts:
    """What is known of one customer as of ``today``; empty where nothing is."""

    today: date
    complaints: Sequence[Occurrence] = ()
    recalls: Sequence[Occurrence] = ()
    comebacks: Sequence[Occurrence] = ()
    nps: Occurrence | None = None
    services: Sequence[ServiceDue] = ()
    warranties: Sequence[Ending] = ()
    insurances: Sequence[Ending] = ()
    balances: Sequence[Ending] = ()
    declined: Sequence[Occurrence] = ()
    last_visit_on: date | None = None
    bought_on: date | None = None
    vehicles_gone: bool = False  # had vehicles, and has none today
    risk: str = ""
    risk_reasons: Sequence[Any] = ()


@dataclass(frozen=True)
class Reason:
    """One reason to act: what it is, on what evidence, about which vehicle."""

    code: str
    today: date
    evidence: dict[str, Any] = field(default_factory=dict)
    vehicle_id: int | None = None

    @property
    def kind(self) -> ReasonKind:
        return reasons.kind_of(self.code)

    @property
    def evidence_text(self) -> str:
        return reasons.evidence_text(self.code, self.evidence, self.today)

    @property
    def opening_line(self) -> str:
        return reasons.opening_line(self.code, self.evidence, self.today)


def reasons_to_act(facts: Facts) -> list[Reason]:
    """The at most three reasons that a page shows, in order of precedence, one of a kind."""
    found: dict[str, Reason] = {}
    for reason in _all(facts):
        found.setdefault(reason.code, reason)
    return sorted(found.values(), key=lambda r: reasons.RANK[r.code])[:SHOWN]


def _all(facts: Facts) -> Iterator[Reason]:
    yield from _red(facts)
    yield from _service(facts)
    yield from _endings(facts)
    if not facts.vehicles_gone:
        yield from _away(facts)
    nps = facts.nps
    recent = nps is not None and facts.today - nps.on <= timedelta(days=LOW_NPS_DAYS)
    if nps is not None and recent and nps.score is not None and nps.score <= DETRACTOR_UP_TO:
        yield _occurrence("low_nps", facts, nps, score=nps.score)
    for declined in _recent(facts.declined, facts.today, DECLINED_DAYS):
        yield _occurrence("declined_work", facts, declined)
    if facts.risk == "high" and not facts.vehicles_gone:
        yield Reason("model_risk", facts.today, {"signs": list(facts.risk_reasons)})


def _recent(found: Sequence[Occurrence], today: date, days: int) -> list[Occurrence]:
    """Those of the last ``days``, latest first."""
    kept = [o for o in found if today - o.on <= timedelta(days=days)]
    return sorted(kept, key=lambda o: o.on, reverse=True)


def _occurrence(code: str, facts: Facts, what: Occurrence, **more: Any) -> Reason:
    evidence = {"happened_on": what.on.isoformat(), "what": what.what, **more}
    return Reason(code, facts.today, evidence, what.vehicle_id)


def _red(facts: Facts) -> Iterator[Reason]:
    for code, found in (("complaint", facts.complaints), ("recall", facts.recalls)):
        for occurrence in sorted(found, key=lambda o: o.on):  # the oldest has waited longest
            yield _occurrence(code, facts, occurrence)
    for occurrence in _recent(facts.comebacks, facts.today, COMEBACK_DAYS):
        yield _occurrence("comeback", facts, occurrence)


def _service(facts: Facts) -> Iterator[Reason]:
    soon = facts.today + timedelta(days=DUE_SOON_DAYS)
    due = [s for s in facts.services if s.due_on is not None and s.due_on <= soon]
    if _days_away(facts) >= LOST_AFTER_DAYS:
        # Of a customer who stays away, the missed service is only another way to say so.
        due = [s for s in due if not s.serviced]
    for service in sorted(due, key=lambda s: (s.due_on, s.vehicle_id)):
        yield Reason(
            "due" if service.serviced else "first_service",
            facts.today,
            {
                "due_on": _iso(service.due_on),
                "last_on": _iso(service.last_on),
                "bought_on": _iso(service.bought_on),
            },
            service.vehicle_id,
        )


def _endings(facts: Facts) -> Iterator[Reason]:
    for code, endings, ahead, behind in (
        ("insurance_renewal", facts.insurances, INSURANCE_RENEWAL_DAYS, INSURANCE_LAPSED_DAYS),
        ("warranty_ending", facts.warranties, WARRANTY_ENDING_DAYS, 0),
        ("package_balance", facts.balances, PACKAGE_ENDING_DAYS, 0),
    ):
        for ending in sorted(endings, key=lambda e: e.until):
            days = (ending.until - facts.today).days
            if not -behind <= days <= ahead or (
                code == "package_balance" and not ending.balance_fen
            ):
                continue
            evidence: dict[str, Any] = {"until_on": ending.until.isoformat()}
            if ending.balance_fen:
                evidence["balance_fen"] = ending.balance_fen
            yield Reason(code, facts.today, evidence, ending.vehicle_id)


def _away(facts: Facts) -> Iterator[Reason]:
    days = _days_away(facts)
    if days < LOST_AFTER_DAYS:
        return
    evidence = {"last_on": _iso(facts.last_visit_on), "bought_on": _iso(facts.bought_on)}
    yield Reason("lost" if days <= LOST_POOL_DAYS else "lost_pool", facts.today, evidence)


def _days_away(facts: Facts) -> int:
    """Days since the last visit or purchase; 0 where neither is known."""
    last = max(filter(None, (facts.last_visit_on, facts.bought_on)), default=facts.today)
    return (facts.today - last).days


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
