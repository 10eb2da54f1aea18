"""The model page: what the scores in use rest on, how good they were, and how to renew them."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Max, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from customers.models import Visit
from ml.asof import DateRefused, checked_as_of
from ml.configuration import DEFAULTS
from ml.model_card import CHECKS, churn_card, cohort_rows
from ml.models import ModelVersion, ScoreSet, TrainingRun
from ml.publication import current_score_set
from ml.runs import request_run
from ml.tasks import hand_over
from organization.access import Access, Capability, acting
from organization.models import Unit
from organization.requests import SignedInRequest
from web import charts
from web.components import Progress
from web.tables import Column, Table

RUNS_SHOWN = 12
STAGES = {
    "extract": gettext_lazy("Reading records"),
    "statistics": gettext_lazy("Visit-day statistics"),
    "lifetime_value": gettext_lazy("Fitting lifetime value"),
    "churn": gettext_lazy("Training churn"),
    "next_year": gettext_lazy("Training visits of the next year"),
    "score": gettext_lazy("Scoring customers"),
    "write": gettext_lazy("Writing scores"),
    "publish": gettext_lazy("Publishing"),
}

RUN_COLUMNS = [
    Column("created_at", gettext_lazy("Asked for"), "instant"),
    Column("as_of", gettext_lazy("As of"), "date"),
    Column("status", gettext_lazy("Status"), value=lambda run: run.get_status_display()),
    Column("requested_by", gettext_lazy("By"), hide_on_phone=True),
    Column(
        "seconds",
        gettext_lazy("Seconds"),
        "decimal",
        value=lambda run: sum(run.seconds.values()) if run.seconds else None,
    ),
    Column("message", gettext_lazy("Remark"), wrap=True, hide_on_phone=True),
]
COHORT_COLUMNS = [
    Column("name", gettext_lazy("Division and segment")),
    Column("customers", gettext_lazy("Customers"), "integer"),
    Column("repeaters", gettext_lazy("Came again"), "integer", hide_on_phone=True),
    Column("model", gettext_lazy("Model in use")),
    Column("status", gettext_lazy("Fit"), wrap=True),
    Column("parameters", gettext_lazy("Parameters"), hide_on_phone=True, wrap=True),
    Column("log_likelihood", gettext_lazy("Log-likelihood"), "decimal", hide_on_phone=True),
    Column("spend", gettext_lazy("Spend per visit"), wrap=True, hide_on_phone=True),
]
SCORE_COLUMNS = [
    Column("name", gettext_lazy("Forecast")),
    Column("rows", gettext_lazy("Customers"), "integer"),
    Column("roc_auc", "ROC-AUC", "ratio"),
    Column("pr_auc", "PR-AUC", "ratio"),
    Column("lift_10", gettext_lazy("Lift in the top tenth"), "ratio"),
    Column("brier", "Brier", "ratio", hide_on_phone=True),
    Column("ece", "ECE", "ratio", hide_on_phone=True),
    Column("bias", gettext_lazy("Mean error"), "points", hide_on_phone=True),
]
GATE_COLUMNS = [
    Column("check", gettext_lazy("Check"), wrap=True),
    Column("result", gettext_lazy("Result")),
]


def _progress(run: TrainingRun) -> Progress:
    """The state of a run as the progress component; asks ``training_run`` until it has ended."""
    state = "running"
    if run.status in (TrainingRun.Status.FAILED, TrainingRun.Status.HELD):
        state = "failed"
    elif run.status == TrainingRun.Status.PUBLISHED:
        state = "done"
    stage = STAGES.get(run.stage, _("Waiting for the worker"))
    return Progress(
        label=_("Retraining as of %(day)s") % {"day": run.as_of},
        url=reverse("training_run", args=[run.pk]),
        state=state,
        value=round(run.progress * 100),
        total=100,
        detail=run.message or stage,
        href=reverse("models"),
        link_label=_("Show the result"),
    )


def _of_own_divisions(access: Access) -> Q:
    """Models of the group, and of the divisions that the access lies in or covers: how many
    customers another division has is that division's affair."""
    if access.all_units:
        return Q()
    paths = Unit.objects.visible_to(access).filter(pk__in=access.units).values_list("path")
    around = {pk for (path,) in paths for pk in path} | access.units
    return Q(division=None) | Q(division__in=around)


def _gate_rows(score_set: ScoreSet) -> list[dict[str, Any]]:
    return [
        {
            "check": CHECKS.get(check["check"], check["check"]),
            "result": _("Passed") if check["passed"] else _("Not passed"),
            "passed": check["passed"],
        }
        for check in score_set.gate.get("checks", [])
    ]


def _card(access: Access, score_set: ScoreSet) -> dict[str, Any]:
    versions = list(
        ModelVersion.objects.filter(_of_own_divisions(access), run_id=score_set.run_id)
        .defer("file")
        .order_by("pk")
    )
    cohorts = cohort_rows(v for v in versions if v.kind == ModelVersion.Kind.LIFETIME_VALUE)
    churn = next((v for v in versions if v.kind == ModelVersion.Kind.CHURN), None)
    context: dict[str, Any] = {
        "cohorts": Table(COHORT_COLUMNS, cohorts, _("Lifetime value by division"), css="wide"),
        "gate": Table(GATE_COLUMNS, _gate_rows(score_set), _("Gate")),
        "versions": versions,
    }
    if churn is not None:
        card = churn_card(churn)
        context |= {
            "churn": card,
            "scores": Table(SCORE_COLUMNS, card.scores, _("Held-out year"), css="wide"),
            "slices": Table(SCORE_COLUMNS, card.slices, _("By customer group"), css="wide"),
            "calibration": charts.calibration(
                _("Forecast against what happened, in tenths of customers"), card.calibration
            ),
        }
    return context


@require_safe
def models(request: SignedInRequest) -> HttpResponse:
    """Scores in use, model cards, runs."""
    access = acting(request.access, Capability.SEE_MODELS)
    score_set = current_score_set(access)
    runs = list(TrainingRun.objects.visible_to(access).order_by("-created_at")[:RUNS_SHOWN])
    latest = runs[0] if runs else None
    running = latest if latest and latest.status in ("queued", "running") else None
    last_day = Visit.objects.visible_to(access).aggregate(last=Max("day"))["last"]
    context = {
        "score_set": score_set,
        "runs": Table(RUN_COLUMNS, runs, _("Training runs"), css="wide"),
        "progress": _progress(running) if running else None,
        "failed": latest if latest and latest.status in ("failed", "held") else None,
        "is_stale": bool(score_set and last_day and score_set.as_of <= last_day),
        "last_day": last_day,
        "may_retrain": access.may_everywhere(Capability.RETRAIN),
    }
    if score_set is not None:
        context |= _card(access, score_set)
    return render(request, "ml/models.html", context)


@require_safe
def training_run(request: SignedInRequest, run_id: int) -> HttpResponse:
    """The progress component of one run, for htmx."""
    request.access.require(Capability.SEE_MODELS)
    run = get_object_or_404(TrainingRun.objects.visible_to(request.access), pk=run_id)
    return render(request, "web/ui/progress.html", {"progress": _progress(run)})


@require_POST
def retrain(request: SignedInRequest) -> HttpResponse:
    """Queue a retraining as of the day after the latest visit."""
    access = request.access
    access.require_everywhere(Capability.RETRAIN)
    if not settings.REDIS_URL:
        messages.error(request, _("No worker is connected: REDIS_URL is not set."))
        return redirect("models")
    try:
        as_of = checked_as_of(access, None)
    except DateRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("models")
    waiting = TrainingRun.objects.visible_to(access).filter(status__in=["queued", "running"])
    if waiting.exists():
        messages.info(request, _("A retraining is already under way."))
        return redirect("models")
    run = request_run(access, as_of, DEFAULTS)
    transaction.on_commit(lambda: hand_over(access.tenant_id, run.pk))
    messages.success(request, _("Retraining was asked for."))
    return redirect("models")
