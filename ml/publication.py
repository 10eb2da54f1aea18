"""Writing a score set aside, and making it the one that pages show in one transaction."""

import io
import json
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection
from django.utils import timezone

from customers.models import CustomerTag
from ml.asof import DateRefused
from ml.gate import Gate
from ml.models import ModelVersion, Score, ScoreSet, TrainingRun
from ml.runs import Lease
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


def _array(values: np.ndarray) -> list[str]:
    return ["{" + ",".join(f"{v:.17g}" for v in row) + "}" for row in values.tolist()]


def _copy_frame(cursor: Any, table: str, columns: list[str], frame: pd.DataFrame) -> None:
    names = ", ".join(f'"{c}"' for c in columns)
    with cursor.copy(f"copy {table} ({names}) from stdin (format csv, null '')") as copy:
        for start in range(0, len(frame), 50_000):
            buffer = io.StringIO()
            frame.iloc[start : start + 50_000].to_csv(
                buffer, header=False, index=False, columns=columns, float_format="%.17g"
            )
            copy.write(buffer.getvalue())


def write_scores(lease: Lease, score_set: ScoreSet, scores: pd.DataFrame) -> None:
    """Fill the partition of ``score_set``. ``scores`` has the columns of ``COLUMNS``; arrays of
    floats as 2-D columns are given as lists, ``tags`` and ``reasons`` as Python lists."""
    frame = scores.copy()
    for name in ("visits_at_nodes", "alive_at_nodes"):
        frame[name] = _array(np.stack(frame[name].to_numpy()))
    frame["tags"] = ["{" + ",".join(tags) + "}" for tags in frame["tags"]]
    frame["reasons"] = [json.dumps(reasons) for reasons in frame["reasons"]]
    with entered(lease.access), connection.cursor() as cursor:
        lease.lock()
        cursor.execute("select ml_create_score_partition(%s)", [score_set.pk])
        cursor.execute("create temp table scored (like ml_score including defaults) on commit drop")
        cursor.execute("alter table scored alter tenant_id drop not null")
        cursor.execute("alter table scored alter score_set_id drop not null")
        _copy_frame(cursor, "scored", COLUMNS, frame)
        names = ", ".join(f'"{c}"' for c in COLUMNS)
        cursor.execute(
            f"insert into ml_score (tenant_id, score_set_id, {names})"  # noqa: S608
            f" select %s, %s, {names} from scored order by customer_id",
            [lease.access.tenant_id, score_set.pk],
        )
        cursor.execute("drop table scored")


def create_score_set(lease: Lease, **values: Any) -> ScoreSet:
    """The draft that a run writes into; a draft of an earlier attempt is dropped."""
    with entered(lease.access):
        lease.lock()
        for former in ScoreSet.objects.filter(run=lease.run):
            with connection.cursor() as cursor:
                cursor.execute("select ml_drop_score_partition(%s)", [former.pk])
            former.delete()
        return ScoreSet.objects.create(tenant_id=lease.access.tenant_id, run=lease.run, **values)


def current_score_set(access: Access, as_of: date | None = None) -> ScoreSet | None:
    """The published set that pages show, or the one of a given date; newest first."""
    found = ScoreSet.objects.visible_to(access).filter(
        status=ScoreSet.Status.PUBLISHED, withdrawn_at=None
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


def publish(lease: Lease, score_set: ScoreSet, gate: Gate, tagged: pd.DataFrame) -> bool:
    """Make the set visible, with its tags, if the gate is passed; else keep it aside.

    ``tagged``: one row a customer and tag: ``customer_id, code, evidence`` (JSON text).
    Everything happens in one transaction that first makes sure of the lease: a page sees either
    the former set or this one, never a mixture.
    """
    access = lease.access
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
            _replace_tags(score_set, tagged)
        audit.record(
            access,
            "scores.published" if gate.passed else "scores.held_back",
            f"score_set:{score_set.pk}",
            as_of=str(score_set.as_of),
            refusals=gate.refusals(),
        )
        outcome = TrainingRun.Status.PUBLISHED if gate.passed else TrainingRun.Status.HELD
        lease.end(outcome, "; ".join(gate.refusals()))
    return gate.passed


def _replace_tags(score_set: ScoreSet, tagged: pd.DataFrame) -> None:
    CustomerTag.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "create temp table tagged (customer_id bigint, code text, evidence jsonb)"
            " on commit drop"
        )
        _copy_frame(cursor, "tagged", list(tagged.columns), tagged)
        cursor.execute(
            "insert into customers_customertag (tenant_id, store_id, customer_id, code, evidence,"
            " as_of) select c.tenant_id, c.home_store_id, c.id, t.code, t.evidence, %s"
            " from tagged t join customers_customer c on c.id = t.customer_id",
            [score_set.as_of],
        )
        cursor.execute("drop table tagged")
