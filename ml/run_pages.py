"""One retraining: how far it is, what it is doing, who is left out; cancel it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from ml import runs
from ml.chunks import counts
from ml.model_card import gate_rows
from ml.models import QuarantinedCustomer, ScoreSet, ScoringChunk, TrainingRun
from ml.remarks import in_words
from ml.stages import FITTING, STAGES, stage_in_words
from organization.access import Access, Capability, acting
from organization.audit import actor_words
from organization.requests import SignedInRequest
from web import formats
from web.components import Progress
from web.tables import Column, Table

QUARANTINED_SHOWN = 50
CHUNKS_SHOWN = 60

STAGE_COLUMNS = [
    Column("name", gettext_lazy("Stage"), wrap=True),
    Column("state", gettext_lazy("State")),
    Column("seconds", gettext_lazy("Seconds"), "decimal"),
]
CHUNK_COLUMNS = [
    Column("number", gettext_lazy("Chunk"), "integer", value=lambda chunk: chunk.number + 1),
    Column("customers", gettext_lazy("Customers"), "integer"),
    Column("status", gettext_lazy("State"), value=lambda chunk: chunk.get_status_display()),
    Column("attempts", gettext_lazy("Tries"), "integer", hide_on_phone=True),
    Column("worker", gettext_lazy("Worker"), hide_on_phone=True),
    Column("seconds", gettext_lazy("Seconds"), "decimal", value=lambda chunk: _seconds(chunk)),
]
GATE_COLUMNS = [
    Column("check", gettext_lazy("Check"), wrap=True),
    Column("found", gettext_lazy("Found"), wrap=True, hide_on_phone=True),
    Column("result", gettext_lazy("Result")),
]


def _seconds(chunk: ScoringChunk) -> float | None:
    if chunk.started_at is None or chunk.finished_at is None:
        return None
    return (chunk.finished_at - chunk.started_at).total_seconds()


def _customer_columns(access: Access) -> list[Column]:
    """Who may see customers finds the way to those left out; others see store and reason."""
    columns = [
        Column("store", gettext_lazy("Store"), value=lambda row: row.store.name),
        Column("stage", gettext_lazy("Stage"), value=lambda row: stage_in_words(row.stage)),
        Column("reason", gettext_lazy("Reason"), wrap=True, value=lambda row: row.why),
    ]
    if access.may(Capability.SEE_CUSTOMERS):
        name = Column(
            "customer",
            gettext_lazy("Customer"),
            value=lambda row: str(row.customer.uid)[:8],
            link=lambda row: reverse("customer", args=[row.customer.uid]),
        )
        return [name, *columns]
    return columns


def progress_of(run: TrainingRun, url: str) -> Progress:
    """The state of a run as the progress component, which asks ``url`` until the run has ended."""
    state = "running"
    if run.status == TrainingRun.Status.PUBLISHED:
        state = "done"
    elif run.status not in runs.UNDER_WAY:
        state = "failed"
    label = _("Scoring as of %(day)s") if run.score_only else _("Retraining as of %(day)s")
    return Progress(
        label=label % {"day": formats.date(run.as_of)},
        url=url,
        state=state,
        value=round(run.progress * 100),
        total=100,
        detail=run.said or stage_in_words(run.stage),
        href=reverse("training_run", args=[run.pk]),
        link_label=_("Show the run"),
    )


def _stage_rows(run: TrainingRun) -> list[dict[str, Any]]:
    names = [
        name for name in STAGES if not (run.score_only and name in FITTING - run.seconds.keys())
    ]
    reached = names.index(run.stage) if run.stage in names else -1
    running = run.status == TrainingRun.Status.RUNNING
    published = run.status == TrainingRun.Status.PUBLISHED
    rows = []
    for place, name in enumerate(names):
        if place == reached and not published:
            state = _("Running") if running else _("Stopped here")
        elif name in run.seconds or (published and place == reached):
            state = _("Done")
        else:
            state = "–"
        rows.append({"name": STAGES[name], "state": state, "seconds": run.seconds.get(name)})
    return rows


def _live(access: Access, run: TrainingRun) -> dict[str, Any]:
    """What changes while the run goes on."""
    url = reverse("training_run", args=[run.pk])
    chunks = (
        ScoringChunk.objects.visible_to(access).filter(run=run).defer("inputs").order_by("number")
    )
    far = counts(access, run.pk)
    ended = run.finished_at or timezone.now()
    return {
        "run": run,
        "under_way": run.status in runs.UNDER_WAY,
        "live_url": url,
        "progress": progress_of(run, url),
        "far": far,
        "took": (ended - run.started_at).total_seconds() if run.started_at else None,
        "stages": Table(STAGE_COLUMNS, _stage_rows(run), _("Stages")),
        "chunks": Table(CHUNK_COLUMNS, list(chunks[:CHUNKS_SHOWN]), _("Chunks"), css="wide"),
    }


def _remark(score_set: ScoreSet | None) -> str:
    """Why the models were fitted although the run was to score alone."""
    kept = score_set.summary.get("remark") if score_set else None
    return in_words(kept) if isinstance(kept, dict) else kept or ""


@require_safe
def training_run(request: SignedInRequest, run_id: int) -> HttpResponse:
    """The run's page; for htmx only what changes."""
    access = acting(request.access, Capability.SEE_MODELS)
    run = get_object_or_404(TrainingRun.objects.visible_to(access), pk=run_id)
    context = _live(access, run)
    if request.headers.get("HX-Request") == "true":
        if request.GET.get("part") == "progress":
            return render(request, "web/ui/progress.html", {"progress": brief(run)})
        return render(request, "ml/run_live.html", context)
    score_set = ScoreSet.objects.visible_to(access).filter(run=run).first()
    left_out = (
        QuarantinedCustomer.objects.visible_to(access)
        .filter(run=run)
        .select_related("customer", "store")
        .order_by("pk")
    )
    gate = gate_rows(score_set) if score_set else []
    context |= {
        "crumbs": [(_("Models"), reverse("models"))],
        "score_set": score_set,
        "remark": _remark(score_set),
        "gate": Table(GATE_COLUMNS, gate, _("Gate"), css="wide") if gate else None,
        "quarantined_count": left_out.count(),
        "quarantined": Table(
            _customer_columns(request.access),
            list(left_out[:QUARANTINED_SHOWN]),
            _("Left out"),
            css="wide",
        ),
        "asked_by": actor_words(run.requested_by),
        "may_cancel": request.access.may_everywhere(Capability.RETRAIN),
    }
    return render(request, "ml/run.html", context)


def brief(run: TrainingRun) -> Progress:
    """The run as one line of another page."""
    return progress_of(run, reverse("training_run", args=[run.pk]) + "?part=progress")


@require_POST
def cancel_run(request: SignedInRequest, run_id: int) -> HttpResponse:
    """End a run that waits or runs; what is published stays."""
    access = request.access
    access.require_everywhere(Capability.RETRAIN)
    get_object_or_404(TrainingRun.objects.visible_to(access), pk=run_id)
    try:
        runs.cancel(access, run_id, access.label)
    except runs.RunOver:
        messages.info(request, _("This run has ended already."))
    else:
        messages.success(request, _("The run was cancelled; the scores in use stay."))
    return redirect("training_run", run_id)
