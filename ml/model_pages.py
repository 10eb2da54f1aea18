"""The model page: what the scores in use rest on, how good they were, and how to renew them."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Max, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from customers.models import Visit
from ml.asof import DateRefused, checked_as_of
from ml.configuration import DEFAULTS
from ml.model_card import (
    MEASURED_HELP,
    RANKING_COLUMNS,
    churn_card,
    cohort_rows,
    fit_status,
    gate_rows,
    model_name,
)
from ml.models import ModelVersion, ScoreSet, TrainingRun
from ml.publication import current_score_set
from ml.run_pages import GATE_COLUMNS, brief
from ml.runs import UNDER_WAY, request_run
from ml.score_decisions import DecisionRefused, publish_held, roll_back
from ml.tasks import hand_over
from organization.access import Access, Capability, acting
from organization.audit import actor_words
from organization.models import Unit
from organization.requests import SignedInRequest
from web import charts
from web.tables import Column, Table

RUNS_SHOWN = 12
SETS_SHOWN = 12


class Decision(forms.Form):
    """Why, and about which score set."""

    reason = forms.CharField(label=gettext_lazy("Reason"), min_length=3, max_length=500)
    score_set = forms.IntegerField(required=False, widget=forms.HiddenInput)


RUN_COLUMNS = [
    Column(
        "created_at",
        gettext_lazy("Asked for"),
        "instant",
        link=lambda run: reverse("training_run", args=[run.pk]),
    ),
    Column("as_of", gettext_lazy("As of"), "date"),
    Column("status", gettext_lazy("Status"), value=lambda run: run.get_status_display()),
    Column(
        "requested_by",
        gettext_lazy("By"),
        value=lambda run: actor_words(run.requested_by),
        hide_on_phone=True,
    ),
    Column(
        "seconds",
        gettext_lazy("Seconds"),
        "decimal",
        value=lambda run: sum(run.seconds.values()) if run.seconds else None,
    ),
    Column("said", gettext_lazy("Remark"), wrap=True, hide_on_phone=True),
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
    *RANKING_COLUMNS,
    Column("brier", "Brier", "ratio", hide_on_phone=True, help=MEASURED_HELP["brier"]),
    Column("ece", "ECE", "ratio", hide_on_phone=True, help=MEASURED_HELP["ece"]),
    Column("bias", gettext_lazy("Mean error"), "points", hide_on_phone=True),
]
# Beside the calibration there is half the width.
SLICE_COLUMNS = [
    Column("name", gettext_lazy("Customer group"), wrap=True),
    Column("rows", gettext_lazy("Customers"), "integer"),
    Column("roc_auc", "ROC-AUC", "ratio"),
    Column("lift_10", gettext_lazy("Lift in the top tenth"), "ratio", hide_on_phone=True),
    Column("ece", "ECE", "ratio", hide_on_phone=True),
]
VERSION_COLUMNS = [
    Column(
        "name",
        gettext_lazy("Model"),
        value=lambda version: model_name(version),
        link=lambda version: reverse("model_version", args=[version.pk]),
    ),
    Column("version", gettext_lazy("Version")),
    Column("as_of", gettext_lazy("Fitted before"), "date", hide_on_phone=True),
    Column(
        "status",
        gettext_lazy("Fit"),
        value=lambda version: fit_status(version),
        hide_on_phone=True,
    ),
]
SET_COLUMNS = [
    Column("as_of", gettext_lazy("As of"), "date"),
    Column(
        "model_version",
        gettext_lazy("Models"),
        link=lambda one: reverse("training_run", args=[one.run_id]),
    ),
    Column("customers", gettext_lazy("Customers"), "integer", hide_on_phone=True),
    Column("published_at", gettext_lazy("Published"), "instant"),
    Column(
        "published_by",
        gettext_lazy("By"),
        value=lambda one: actor_words(one.published_by),
        hide_on_phone=True,
    ),
    Column("standing", gettext_lazy("Standing"), wrap=True, value=lambda one: _standing(one)),
]


def _standing(score_set: ScoreSet) -> str:
    """How a set stands, with the reason where somebody decided."""
    if score_set.withdrawn_at is not None:
        return _("Withdrawn by %(who)s: %(why)s") % {
            "who": actor_words(score_set.withdrawn_by),
            "why": score_set.withdrawn_reason or "–",
        }
    if score_set.status == ScoreSet.Status.HELD:
        return _("Held back")
    overruled = score_set.gate.get("overruled")
    return (
        _("Published all the same: %(why)s") % {"why": overruled} if overruled else _("Published")
    )


def of_own_divisions(access: Access) -> Q:
    """Models of the group, and of the divisions that the access lies in or covers: how many
    customers another division has is that division's affair."""
    if access.all_units:
        return Q()
    paths = Unit.objects.visible_to(access).filter(pk__in=access.units).values_list("path")
    around = {pk for (path,) in paths for pk in path} | access.units
    return Q(division=None) | Q(division__in=around)


def _card(access: Access, score_set: ScoreSet) -> dict[str, Any]:
    versions = list(
        ModelVersion.objects.filter(
            of_own_divisions(access), run_id=score_set.model_run_id or score_set.run_id
        )
        .select_related("division")
        .defer("file", "trial_file")
        .order_by("pk")
    )
    cohorts = cohort_rows(v for v in versions if v.kind == ModelVersion.Kind.LIFETIME_VALUE)
    churn = next((v for v in versions if v.kind == ModelVersion.Kind.CHURN), None)
    # A log-likelihood says nothing beside that of another cohort: it stands on the card.
    brief_columns = [column for column in COHORT_COLUMNS if column.key != "log_likelihood"]
    context: dict[str, Any] = {
        "cohorts": Table(brief_columns, cohorts, _("Lifetime value by division"), css="wide"),
        "gate": Table(GATE_COLUMNS, gate_rows(score_set), _("Gate"), css="wide"),
        "versions": Table(VERSION_COLUMNS, versions, _("Models in use"), css="wide"),
    }
    if churn is not None:
        card = churn_card(churn)
        context |= {
            "churn": card,
            "scores": Table(SCORE_COLUMNS, card.scores, _("Held-out year"), css="wide"),
            "slices": Table(SLICE_COLUMNS, card.slices, _("By customer group"), css="wide"),
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
    running = next((run for run in runs if run.status in UNDER_WAY), None)
    sets = list(
        ScoreSet.objects.visible_to(access)
        .exclude(status=ScoreSet.Status.DRAFT)
        .order_by("-created_at")[:SETS_SHOWN]
    )
    decides = request.access.may_everywhere(Capability.RETRAIN)
    last_day = Visit.objects.visible_to(access).aggregate(last=Max("day"))["last"]
    context = {
        "score_set": score_set,
        "runs": Table(RUN_COLUMNS, runs, _("Training runs"), css="wide"),
        "progress": brief(running) if running else None,
        "failed": latest if latest and latest.status in ("failed", "held") else None,
        "sets": Table(SET_COLUMNS, sets, _("Score sets"), css="wide"),
        "back_to": current_score_set(access, without=score_set) if decides and score_set else None,
        "held": sets[0] if decides and sets and sets[0].status == "held" else None,
        "decision": Decision(),
        "is_stale": bool(score_set and last_day and score_set.as_of <= last_day),
        "last_day": last_day,
        "may_retrain": decides,
    }
    if score_set is not None:
        context["published_by"] = actor_words(score_set.published_by)
        context |= _card(access, score_set)
    return render(request, "ml/models.html", context)


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


@require_POST
def roll_back_scores(request: SignedInRequest) -> HttpResponse:
    """Withdraw the set that the page showed; the one before it is in use again."""
    access = request.access
    access.require_everywhere(Capability.RETRAIN)
    form = Decision(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give a reason; it is kept in the audit trail."))
        return redirect("models")
    try:
        now = roll_back(access, form.cleaned_data["reason"], form.cleaned_data["score_set"])
    except DecisionRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("In use again: the scores as of %(day)s.") % {"day": now.as_of})
    return redirect("models")


@require_POST
def publish_held_scores(request: SignedInRequest) -> HttpResponse:
    """Show a set that the gate held back."""
    access = request.access
    access.require_everywhere(Capability.RETRAIN)
    form = Decision(request.POST)
    if not form.is_valid() or form.cleaned_data["score_set"] is None:
        messages.error(request, _("Give a reason; it is kept in the audit trail."))
        return redirect("models")
    try:
        publish_held(access, form.cleaned_data["score_set"], form.cleaned_data["reason"])
    except DecisionRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The scores are shown now."))
    return redirect("models")
