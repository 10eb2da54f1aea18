"""Writing a score set aside, and making it the one that pages show in one transaction."""

import csv
import io
import json
from collections.abc import Iterable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection
from django.utils import timezone

from customers.models import CustomerTag
from ml import champion_changes
from ml.asof import DateRefused
from ml.models import ChampionChange, ModelVersion, Score, ScoreSet, ScoringChunk, TrainingRun
from ml.runs import Lease
from ml.verdict import Gate
from organization import audit
from organization.access import Access, entered

COLUMNS = [
    str(field.column)
    for field in Score._meta.concrete_fields
    if field.column not in {"tenant_id", "score_set_id"}
]


def write_models(lease: Lease, versions: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    """Store the fitted models of a run; ids by (kind, name)."""
    with entered(lease.access):
        lease.lock()
        rows = [
            ModelVersion(tenant_id=lease.access.tenant_id, run=lease.run, **v) for v in versions
        ]
        ModelVersion.objects.bulk_create(rows)
        return {(row.kind, row.name): row.pk for row in rows}


def _arrays(rows: Iterable[Any]) -> list[str]:
    """Rows of floats as PostgreSQL's arrays; the shortest text that is the same float again."""
    return ["{" + ",".join(map(repr, row)) + "}" for row in np.stack(list(rows)).tolist()]


def _cells(column: pd.Series) -> list[Any]:
    """Plain values of a column, None for what is not known; the CSV writer keeps floats exactly."""
    if pd.api.types.is_datetime64_any_dtype(column):
        days = np.datetime_as_string(column.to_numpy(dtype="datetime64[D]")).tolist()
        return [None if day == "NaT" else day for day in days]
    if pd.api.types.is_float_dtype(column):
        return [None if value != value else value for value in column.tolist()]
    return column.tolist()


def _copy_frame(cursor: Any, table: str, columns: list[str], frame: pd.DataFrame) -> None:
    names = ", ".join(f'"{c}"' for c in columns)
    with cursor.copy(f"copy {table} ({names}) from stdin (format csv, null '')") as copy:
        for start in range(0, len(frame), 20_000):
            part = frame.iloc[start : start + 20_000]
            buffer = io.StringIO()
            cells = [_cells(part[name]) for name in columns]
            csv.writer(buffer).writerows(zip(*cells, strict=True))
            copy.write(buffer.getvalue())


def copy_scores(access: Access, score_set: ScoreSet, scores: pd.DataFrame) -> None:
    """Add rows to the partition of ``score_set``, inside an entered access and a transaction.

    ``scores`` has the columns of ``COLUMNS``: curves and tags as lists, reasons and evidence as
    what JSON holds.
    """
    if scores.empty:
        return
    frame = scores.copy()
    for name in ("visits_at_nodes", "alive_at_nodes"):
        frame[name] = _arrays(frame[name])
    frame["tags"] = ["{" + ",".join(tags) + "}" for tags in frame["tags"]]
    for name in ("reasons", "evidence"):
        frame[name] = [json.dumps(one) for one in frame[name]]
    with connection.cursor() as cursor:
        # COPY into a table under row-level security is refused: through a table of one's own.
        cursor.execute("create temp table scored (like ml_score including defaults) on commit drop")
        cursor.execute("alter table scored alter tenant_id drop not null")
        cursor.execute("alter table scored alter score_set_id drop not null")
        _copy_frame(cursor, "scored", COLUMNS, frame)
        names = ", ".join(f'"{c}"' for c in COLUMNS)
        cursor.execute(
            f"insert into ml_score (tenant_id, score_set_id, {names})"  # noqa: S608
            f" select %s, %s, {names} from scored order by customer_id",
            [access.tenant_id, score_set.pk],
        )
        cursor.execute("drop table scored")


def create_score_set(lease: Lease, **values: Any) -> ScoreSet:
    """The draft that a run writes into, with its partition."""
    with entered(lease.access):
        lease.lock()
        score_set = ScoreSet.objects.create(
            tenant_id=lease.access.tenant_id, run=lease.run, **values
        )
        with connection.cursor() as cursor:
            cursor.execute("select ml_create_score_partition(%s)", [score_set.pk])
        return score_set


def drop_draft(access: Access, score_set: ScoreSet) -> None:
    """Delete a set that was never published, with its scores; inside an entered access."""
    with connection.cursor() as cursor:
        cursor.execute("select ml_drop_score_partition(%s)", [score_set.pk])
    score_set.delete()


def current_score_set(access: Access, as_of: date | None = None) -> ScoreSet | None:
    """The published set that pages show, or the one of a given date; newest first."""
    found = ScoreSet.objects.visible_to(access).filter(
        status=ScoreSet.Status.PUBLISHED, withdrawn_at=None, dropped_at=None
    )
    if as_of is not None:
        found = found.filter(as_of=as_of)
    newest: ScoreSet | None = found.order_by("-as_of", "-published_at").first()
    return newest


def score_set_of(access: Access, as_of: date) -> ScoreSet:
    """The published set of that date.

    Raises:
        DateRefused: there is none; the message names the command that makes it.
    """
    with entered(access):
        found = current_score_set(access, as_of)
    if found is None:
        raise DateRefused(
            f"There is no published score set as of {as_of}:"
            f" run manage.py retrain --as-of {as_of} first."
        )
    return found


def publish(lease: Lease, score_set: ScoreSet, gate: Gate) -> bool:
    """Make the set visible, with its tags, if the gate is passed; else keep it aside.

    Everything happens in one transaction that first makes sure of the lease: a page sees either
    the former set or this one, never a mixture.
    """
    access = lease.access
    with entered(access):
        former = current_score_set(access)
        changes = _changes(access, former, score_set) if gate.passed else []
    with entered(access):
        lease.lock()
        score_set.gate = gate.as_dict()
        if gate.passed:
            score_set.status = ScoreSet.Status.PUBLISHED
            score_set.published_at = timezone.now()
            score_set.published_by = access.label[:80]
        else:
            score_set.status = ScoreSet.Status.HELD
        score_set.save()
        if gate.passed and current_score_set(access) == score_set:
            replace_tags(score_set)
            champion_changes.keep(changes)
        ScoringChunk.objects.filter(run=lease.run).update(inputs=None)
        audit.record(
            access,
            "scores.published" if gate.passed else "scores.held_back",
            f"score_set:{score_set.pk}",
            as_of=str(score_set.as_of),
            refusals=gate.refusals(),
        )
        outcome = TrainingRun.Status.PUBLISHED if gate.passed else TrainingRun.Status.HELD
        lease.end(outcome, *gate.refusals())
    return gate.passed


def _changes(access: Access, former: ScoreSet | None, new: ScoreSet) -> list[ChampionChange]:
    """What will have moved; worked out beforehand, since it reads both sets while a run is locked
    and its lease cannot be renewed."""
    if former is None or not champion_changes.differ(former, new) or new.as_of < former.as_of:
        return []
    return champion_changes.what_moved(access, former, new)


REPLACE_TAGS = """
insert into customers_customertag (tenant_id, store_id, customer_id, code, evidence, as_of)
select c.tenant_id, c.home_store_id, c.id, tag.code, coalesce(s.evidence -> tag.code, '{}'), %s
from ml_score s join customers_customer c on c.id = s.customer_id
cross join lateral unnest(s.tags) as tag (code)
where s.tenant_id = %s and s.score_set_id = %s
"""


def replace_tags(score_set: ScoreSet) -> None:
    """Let customers carry the tags of that set, and no others; inside an entered access."""
    CustomerTag.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(REPLACE_TAGS, [score_set.as_of, score_set.tenant_id, score_set.pk])
