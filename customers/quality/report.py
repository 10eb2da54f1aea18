"""Data quality of a group: assessed as of a day, stored, and read back for any set of stores.

An assessment counts by store; every share and score of a region or of the group comes from the
sums of its stores, so that the page, the valuation and the gate read one and the same thing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import pandas as pd
from django.db import connection
from django.db.models.functions import Coalesce

from customers.as_of import default_as_of
from customers.models import ImportRun, QualityReport
from customers.quality.counts import field_counts, kind_counts, monthly_sums
from customers.quality.rules import DATED_KINDS, GAP_ALLOWED
from customers.quality.scoring import (
    Confidence,
    confidence_of,
    gaps,
    kinds_supplied,
    ledger_basis,
    ledger_gap,
)
from organization import audit
from organization.access import Access, entered
from organization.models import Unit


class NothingToAssess(Exception):
    """There is no store or no visit yet, or the date precedes both; the message says which."""


@dataclass(frozen=True)
class Assessment:
    """Counts by store as of a day; the frames are described in ``quality_scoring``.

    ``latest``: the group's last day by dated kind. ``never``: kinds that the group never supplied.
    ``basis``: what the books' revenue holds (``quality_scoring.ledger_basis``). ``months`` has
    ``orders_fen`` on that basis, and ``factor``. ``scores``: each store's own score, store by store
    in the order of their codes.
    """

    as_of: date
    basis: str
    latest: dict[str, date]
    never: tuple[str, ...]
    fields: pd.DataFrame
    kinds: pd.DataFrame
    months: pd.DataFrame
    scores: dict[int, float]

    @property
    def stores(self) -> tuple[int, ...]:
        return tuple(self.scores)

    @cached_property
    def confidence(self) -> Confidence:
        return confidence_of(self.fields, self.kinds, self.months, self.as_of)

    @cached_property
    def gaps_beyond(self) -> pd.DataFrame:
        """Store-months whose orders and books differ by more than 2%, the widest first."""
        found = self.months.assign(gap=gaps(self.months))
        found = found[found["gap"].abs() > GAP_ALLOWED]
        return found.sort_values("gap", key=lambda gap: gap.abs(), ascending=False)

    @property
    def gap(self) -> float | None:
        """How far orders and books lie apart (:func:`ledger_gap`); None without books."""
        return ledger_gap(self.months)

    def as_json(self, seconds: float) -> dict[str, Any]:
        """For ``QualityReport.report``: by store, so that a part can be read alone."""
        fields, kinds, months = (
            dict(tuple(frame.groupby("store"))) for frame in (self.fields, self.kinds, self.months)
        )
        return {
            "basis": self.basis,
            "latest": {kind: day.isoformat() for kind, day in self.latest.items()},
            "never": list(self.never),
            "seconds": round(seconds, 3),
            "stores": {
                str(store): {
                    "score": score,
                    "fields": _fields_json(fields.get(store, self.fields[:0])),
                    "kinds": _kinds_json(kinds.get(store, self.kinds[:0])),
                    "months": _months_json(months.get(store, self.months[:0])),
                }
                for store, score in self.scores.items()
            },
        }

    @classmethod
    def from_json(
        cls, as_of: date, report: dict[str, Any], wanted: Callable[[int], bool]
    ) -> "Assessment":
        """The part of the stores that are ``wanted``; ``latest`` and ``never`` stay the group's."""
        parts = {int(key): part for key, part in report["stores"].items() if wanted(int(key))}
        fields = [
            (store, name, *counts)
            for store, part in parts.items()
            for name, counts in part["fields"].items()
        ]
        kinds = [
            (store, name, *values)
            for store, part in parts.items()
            for name, values in part["kinds"].items()
        ]
        months = [(store, *values) for store, part in parts.items() for values in part["months"]]
        return cls(
            as_of,
            report["basis"],
            {kind: date.fromisoformat(day) for kind, day in report["latest"].items()},
            tuple(report["never"]),
            pd.DataFrame(fields, columns=["store", "field", "records", "filled", "valid"]),
            _dated(pd.DataFrame(kinds, columns=["store", "kind", "rows", "through"]), "through"),
            _dated(
                pd.DataFrame(months, columns=["store", "month", *_MONTH_NUMBERS]), "month"
            ).astype(dict.fromkeys(_MONTH_NUMBERS, float)),
            {store: part["score"] for store, part in parts.items()},
        )


_MONTH_NUMBERS = ["orders_fen", "ledger_fen", "factor"]


def _dated(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    return frame.assign(**{name: pd.to_datetime(frame[name]).astype("datetime64[s]")})


def _fields_json(fields: pd.DataFrame) -> dict[str, list[int]]:
    return {row[1]: [int(n) for n in row[2:]] for row in fields.itertuples(index=False)}


def _kinds_json(kinds: pd.DataFrame) -> dict[str, list[Any]]:
    return {
        row.kind: [int(row.rows), None if pd.isna(row.through) else f"{row.through:%Y-%m-%d}"]
        for row in kinds.itertuples(index=False)
    }


def _months_json(months: pd.DataFrame) -> list[list[Any]]:
    return [
        [
            f"{row.month:%Y-%m-%d}",
            int(row.orders_fen),
            None if pd.isna(row.ledger_fen) else int(row.ledger_fen),
            None if pd.isna(row.factor) else round(float(row.factor), 5),
        ]
        for row in months.sort_values("month").itertuples(index=False)
    ]


def measure(access: Access, as_of: date) -> Assessment:
    """Count the whole group's records; some seconds for a million customers.

    ``access`` must be entered and see the whole group. Stores opened later are left out.

    Raises:
        NothingToAssess: no store was open before ``as_of``.
    """
    opened = Coalesce("opened_on", date.min)
    found = Unit.objects.visible_to(access).filter(level=Unit.Level.STORE)
    stores = list(
        found.alias(opened=opened)
        .filter(opened__lt=as_of)
        .order_by("code")
        .values_list("pk", flat=True)
    )
    if not stores:
        raise NothingToAssess(
            f"No store was open before {as_of}: load org_units, or choose a later date."
        )
    tenant = access.tenant_id
    fields = field_counts(tenant, as_of)
    kinds = kind_counts(tenant, as_of, stores)
    months = monthly_sums(tenant, as_of)
    basis = ledger_basis(months)
    if basis == "with_internal":
        months["orders_fen"] += months["internal_fen"]
    last = kinds[kinds["kind"].isin([kind.code for kind in DATED_KINDS])]
    last = last.dropna(subset=["through"]).groupby("kind")["through"].max()
    fields, months = fields[fields["store"].isin(stores)], months[months["store"].isin(stores)]
    return Assessment(
        as_of,
        basis,
        {kind: day.date() for kind, day in last.items()},
        kinds_supplied(kinds)[1],
        fields,
        kinds,
        months.drop(columns="internal_fen"),
        _store_scores(stores, fields, kinds, months, as_of),
    )


def _store_scores(
    stores: list[int],
    fields: pd.DataFrame,
    kinds: pd.DataFrame,
    months: pd.DataFrame,
    as_of: date,
) -> dict[int, float]:
    by_field, by_kind, by_month = (
        dict(tuple(frame.groupby("store"))) for frame in (fields, kinds, months)
    )
    return {
        store: confidence_of(
            by_field.get(store, fields[:0]),
            by_kind.get(store, kinds[:0]),
            by_month.get(store, months[:0]),
            as_of,
        ).score
        for store in stores
    }


def _unit_scores(access: Access, found: Assessment) -> dict[str, float]:
    """Score of each unit above the stores, by id: over the stores that it has now."""
    below: dict[int, set[int]] = {}
    units = Unit.objects.visible_to(access).filter(pk__in=found.stores)
    for store, path in units.values_list("pk", "path"):
        for unit in path[:-1]:
            below.setdefault(unit, set()).add(store)
    scores = {}
    for unit, stores in below.items():
        fields, kinds, months = (
            frame[frame["store"].isin(stores)]
            for frame in (found.fields, found.kinds, found.months)
        )
        scores[str(unit)] = confidence_of(fields, kinds, months, found.as_of).score
    return scores


def assess(access: Access, as_of: date) -> QualityReport:
    """Measure the whole group of ``access`` and store the report.

    The counting runs as the system, since shares of a region come from the same report; who
    asked is in the audit trail.

    Raises:
        NothingToAssess: see :func:`measure`.
    """
    began = time.perf_counter()
    with entered(Access.system(access.tenant_id, "data quality")) as system:
        with connection.cursor() as cursor:
            # Sorts and hashes of a million rows in memory instead of on disk.
            cursor.execute("set local work_mem = '64MB'")
        assessment = measure(system, as_of)
        report = QualityReport.objects.create(
            tenant_id=access.tenant_id,
            as_of=as_of,
            report=assessment.as_json(time.perf_counter() - began),
            score=assessment.confidence.score,
            unit_scores=_unit_scores(system, assessment),
        )
        audit.record(access, "assess_quality", f"report {report.pk}", as_of=str(as_of))
    return report


def assess_latest(access: Access) -> QualityReport:
    """:func:`assess` as of the day after the latest visit.

    Raises:
        NothingToAssess: there are no visits.
    """
    as_of = default_as_of(access)
    if as_of is None:
        raise NothingToAssess(
            "The group has no visits: load them with manage.py import_data first."
        )
    return assess(access, as_of)


def latest_report(access: Access) -> QualityReport | None:
    """The report of the latest as-of date, the newest of that date."""
    reports = QualityReport.objects.visible_to(access)
    return reports.order_by("-as_of", "-created_at", "-pk").first()


def imported_since(access: Access, report: QualityReport) -> bool:
    """Whether an import ended after the report was made."""
    done = ImportRun.objects.visible_to(access).filter(status=ImportRun.Status.DONE, dry_run=False)
    return done.filter(finished_at__gt=report.created_at).exists()


def visible_part(access: Access, report: QualityReport) -> Assessment:
    """The report's assessment, of the stores that ``access`` covers."""
    return Assessment.from_json(report.as_of, report.report, access.covers)


def assessed(access: Access, as_of: date) -> Assessment:
    """The assessment of the stores of ``access`` as of a day.

    From the stored report of that day; one is made where there is none or an import ended since.

    Raises:
        NothingToAssess: see :func:`measure`.
    """
    reports = QualityReport.objects.visible_to(access).filter(as_of=as_of)
    report = reports.order_by("-created_at", "-pk").first()
    if report is None or imported_since(access, report):
        report = assess(access, as_of)
    return visible_part(access, report)


def confidence(access: Access, as_of: date) -> Confidence:
    """Confidence in the data of the stores of ``access``, out of :func:`assessed`.

    Raises:
        NothingToAssess: see :func:`measure`.
    """
    return assessed(access, as_of).confidence


def trend(access: Access, count: int) -> list[tuple[date, float]]:
    """Score by as-of date of the last ``count`` dates assessed, oldest first, for the stores of
    ``access``; of several reports of one date the newest counts. Who has one unit gets that unit's
    score, of the stores that it had then."""
    reports = (
        QualityReport.objects.visible_to(access)
        .order_by("as_of", "-created_at", "-pk")
        .distinct("as_of")
    )
    newest = QualityReport.objects.visible_to(access).filter(pk__in=reports.values("pk"))
    newest = newest.order_by("-as_of")
    if access.all_units:
        return list(newest.values_list("as_of", "score")[:count])[::-1]
    unit = str(_only_unit(access))
    rows = []
    for report in newest.defer("report")[:count]:
        score = report.unit_scores.get(unit)
        if score is None:
            score = visible_part(access, report).confidence.score
        rows.append((report.as_of, score))
    return rows[::-1]


def _only_unit(access: Access) -> int | None:
    """The unit that all units of ``access`` lie below, if there is one among them."""
    units = Unit.objects.visible_to(access).filter(pk__in=access.reach.ids)
    tops = [pk for pk, parent in units.values_list("pk", "parent") if parent not in access.reach]
    return tops[0] if len(tops) == 1 else None
