"""When other models come into use: what moved, kept by division for those who ask later."""

import tempfile
from typing import Any

import pandas as pd
from django.db import connection

from ml.models import ChampionChange, ModelVersion, ScoreSet
from ml.movement import COLUMNS, moved
from organization.access import Access
from organization.models import Unit

PAIRS = """
copy (
    select coalesce(a.store_id, b.store_id), coalesce(a.segment, b.segment), b.ltv_fen, a.ltv_fen,
        case when b.in_churn_population then b.churn_12m end,
        case when a.in_churn_population then a.churn_12m end, b.risk, a.risk
    from (select * from ml_score where tenant_id = {tenant} and score_set_id = {former}) b
    full join (select * from ml_score where tenant_id = {tenant} and score_set_id = {new}) a
        using (customer_id)
) to stdout (format csv)
"""
_TEXT = {"segment": "str", "risk_before": "str", "risk_after": "str"}


def differ(former: ScoreSet | None, new: ScoreSet) -> bool:
    """Whether the sets were scored by models of different runs."""
    return former is not None and (former.model_run_id or former.run_id) != (
        new.model_run_id or new.run_id
    )


def what_moved(access: Access, former: ScoreSet, new: ScoreSet) -> list[ChampionChange]:
    """Unsaved rows, the group's first, of two sets that lie in the tables; in an entered access."""
    pairs = _pairs(access, former, new)
    divisions = _divisions()
    of_store = pairs["store"].map(divisions)
    standing = _standing(former, new)
    return [
        ChampionChange(
            tenant_id=access.tenant_id,
            division_id=division,
            score_set=new,
            former=former,
            result={**moved(part), "rungs": _of_division(standing, division)},
        )
        for division, part in [(None, pairs), *pairs.groupby(of_store)]
    ]


def keep(changes: list[ChampionChange]) -> None:
    """Save them; those that are kept already (a set taken back into use) stay as they were."""
    ChampionChange.objects.bulk_create(changes, ignore_conflicts=True)


def _pairs(access: Access, former: ScoreSet, new: ScoreSet) -> pd.DataFrame:
    query = PAIRS.format(tenant=int(access.tenant_id), former=int(former.pk), new=int(new.pk))
    with tempfile.TemporaryFile() as buffer:
        with connection.cursor() as cursor, cursor.copy(query) as copy:
            for block in copy:
                buffer.write(block)
        buffer.seek(0)
        return pd.read_csv(buffer, header=None, names=list(COLUMNS), dtype=_TEXT)


def _divisions() -> dict[int, int]:
    """Store → division; stores that lie in none are the group's alone."""
    units = list(Unit.objects.values_list("pk", "level", "path"))
    divisions = {pk for pk, level, _ in units if level == "division"}
    return {
        pk: next(one for one in path if one in divisions)
        for pk, level, path in units
        if level == "store" and divisions & set(path)
    }


def _standing(former: ScoreSet, new: ScoreSet) -> dict[str, dict[str, Any]]:
    """Per "division/segment" the rungs that stood and that stand now, None where trees were not."""
    found: dict[str, dict[str, Any]] = {}
    for when, one in (("before", former), ("after", new)):
        version = ModelVersion.objects.filter(
            run_id=one.model_run_id or one.run_id, kind=ModelVersion.Kind.NEXT_YEAR
        ).only("parameters")
        for row in version[:1]:
            for cohort, choice in row.parameters["choices"].items():
                rungs = {name: bool(choice[name]) for name in ("regular", "trees", "money_trees")}
                found.setdefault(cohort, {"before": None, "after": None})[when] = rungs
    return found


def _of_division(standing: dict[str, dict[str, Any]], division: int | None) -> dict[str, Any]:
    if division is None:
        return standing
    code = Unit.objects.values_list("code", flat=True).get(pk=division)
    return {name: one for name, one in standing.items() if name.rpartition("/")[0] == code}
