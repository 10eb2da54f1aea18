"""The card of one model version: what it is for, on what it was fitted, how good it was."""

import json
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from ml.change_pages import changes_table
from ml.model_card import (
    beside_the_library,
    churn_card,
    cohort_rows,
    fit_status,
    model_name,
    tree_rows,
)
from ml.model_pages import COHORT_COLUMNS, SCORE_COLUMNS, SLICE_COLUMNS, of_own_divisions
from ml.models import ModelVersion, ScoreSet
from ml.publication import current_score_set
from organization.access import Access, Capability, acting
from organization.requests import SignedInRequest
from web import charts, formats
from web.tables import Column, Table

INTENDED = {
    "lifetime_value": gettext_lazy(
        "Expected visits, spend and value of a customer base over the coming months. Sums over many"
        " customers are what it is for; for one customer it is a rank, not a promise."
    ),
    "churn": gettext_lazy(
        "Whom to call first: the probability that a customer makes no visit within twelve months."
        " No visit is not the same as lost, and the probability says nothing of the cause."
    ),
    "second_year": gettext_lazy(
        "Visits of months 13 to 24, where the trees know more than the transaction model; beyond"
        " that its shape goes on at the level of this year. It is not judged on a held-out year."
    ),
    "next_year_revenue": gettext_lazy(
        "Regular revenue of the next twelve months at the coming year's prices: over the visits it"
        " gives a customer's spend per visit. Accident work is apart."
    ),
    "next_year": gettext_lazy(
        "Visits of the next twelve months where due dates, warranty and distance say more than past"
        " visits alone; beyond that the transaction model's shape goes on."
    ),
}
VISIT_COLUMNS = [
    Column("name", gettext_lazy("Forecast")),
    Column("bias", gettext_lazy("Error of the total"), "percent"),
    Column("mae", "MAE", "ratio"),
    Column("spearman", "Spearman", "ratio"),
    Column("deviance", gettext_lazy("Poisson deviance"), "ratio", hide_on_phone=True),
]


# Kind of trees → the part of the report that judges them.
JUDGED = {
    ModelVersion.Kind.NEXT_YEAR.value: "everybody",
    ModelVersion.Kind.NEXT_YEAR_REVENUE.value: "revenue",
}


def _standing(version: ModelVersion, current: ScoreSet | None, sets: list[ScoreSet]) -> str:
    """In use, formerly in use, or never shown to anybody."""
    if current is not None and (current.model_run_id or current.run_id) == version.run_id:
        return _("Champion: in use")
    if any(one.status == ScoreSet.Status.PUBLISHED for one in sets):
        return _("Was in use")
    return _("Challenger: never in use")


def _settings(configuration: dict[str, Any]) -> str:
    """``discount_rate 0.08, horizon_months 60``: as the configuration names them."""
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in sorted(configuration.items())
    )


def _facts(version: ModelVersion, standing: str) -> list[tuple[Any, Any]]:
    made = version.metrics.get("environment", {})
    facts = [
        (_("Standing"), standing),
        (_("Code"), version.name),
        (_("Version"), version.version),
        (_("Fitted before"), formats.date(version.as_of)),
        (_("Fitted"), formats.instant(version.created_at)),
        (_("Data"), version.data_hash[:16]),
        (_("Configuration"), _settings(version.metrics.get("configuration", {}))),
        (_("Environment"), ", ".join(f"{name} {value}" for name, value in made.items())),
        (_("Fit"), fit_status(version)),
    ]
    if version.kind == ModelVersion.Kind.LIFETIME_VALUE:
        facts += beside_the_library(version)
    if version.sha256:
        facts.append((_("File"), f"skops, SHA-256 {version.sha256}"))
    return facts


def _detail(version: ModelVersion) -> dict[str, Any]:
    if version.kind == ModelVersion.Kind.LIFETIME_VALUE:
        return {
            "cohorts": Table(
                COHORT_COLUMNS, cohort_rows([version]), model_name(version), css="wide"
            )
        }
    judged = JUDGED.get(version.kind)
    if judged is not None:
        rows = tree_rows(version, judged)
        return {"visits": Table(VISIT_COLUMNS, rows, _("Held-out year"), css="wide")}
    if version.kind != ModelVersion.Kind.CHURN:
        return {}
    card = churn_card(version)
    return {
        "churn": card,
        "scores": Table(SCORE_COLUMNS, card.scores, _("Held-out year"), css="wide"),
        "calibration": charts.calibration(
            _("Forecast against what happened, in tenths of customers"), card.calibration
        ),
        "slices": Table(SLICE_COLUMNS, card.slices, _("By customer group"), css="wide"),
    }


def _sets_of(access: Access, version: ModelVersion) -> list[ScoreSet]:
    sets = ScoreSet.objects.visible_to(access)
    return [
        one
        for one in sets.order_by("-created_at")[:200]
        if (one.model_run_id or one.run_id) == version.run_id
    ]


def _of_run(run_id: int) -> Q:
    """Changes to the models of the run, or from them."""
    return Q(score_set__model_run=run_id) | Q(former__model_run=run_id)


@require_safe
def model_version(request: SignedInRequest, version_id: int) -> HttpResponse:
    """The model card."""
    access = acting(request.access, Capability.SEE_MODELS)
    version = get_object_or_404(
        ModelVersion.objects.visible_to(access)
        .filter(of_own_divisions(access))
        .select_related("division")
        .defer("file", "trial_file"),
        pk=version_id,
    )
    sets = _sets_of(access, version)
    standing = _standing(version, current_score_set(access), sets)
    return render(
        request,
        "ml/version.html",
        {
            "crumbs": [(_("Models"), reverse("models"))],
            "version": version,
            "name": model_name(version),
            "standing": standing,
            "facts": _facts(version, standing),
            "intended": INTENDED[version.kind],
            "sets": sets[:12],
            "changes": changes_table(request.access, _of_run(version.run_id)),
            **_detail(version),
        },
    )
