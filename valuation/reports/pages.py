"""Pages of reports: what was exported, asking for more, and the monthly report to read."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.db import transaction
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from kombu.exceptions import OperationalError

from organization import audit
from organization.access import Access, Capability, acting
from organization.models import Unit
from organization.requests import SignedInRequest
from valuation import tasks
from valuation.models import Export, Valuation
from valuation.refusals import Refused
from valuation.reports.audit_pack import MAX_SEED, SIZES, check_sample
from valuation.reports.contents import notice, report_of
from valuation.reports.document import Document, change, written
from valuation.reports.exporting import (
    NotApproved,
    approved_valuation,
    fail_queued,
    path_of,
    progress_key,
    request_export,
)
from valuation.reports.subject import Subject
from valuation.shown import access_of, visible_units
from web import formats
from web.components import Progress
from web.tables import Column, Table

LANGUAGES = {"zh-hans": "简体中文", "en": "English"}
SHOWN = 50


class ExportForm(forms.Form):
    """What to build, of which unit, in which language."""

    kind = forms.ChoiceField(label=gettext_lazy("What"), choices=Export.Kind.choices)
    unit = forms.ChoiceField(label=gettext_lazy("Unit"))
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=list(LANGUAGES.items()))
    size = forms.TypedChoiceField(
        label=gettext_lazy("Customers in the sample"),
        choices=[(size, str(size)) for size in SIZES],
        coerce=int,
        required=False,
    )
    seed = forms.IntegerField(
        label=gettext_lazy("Seed of the sample"),
        min_value=0,
        max_value=MAX_SEED,
        initial=1,
        required=False,
    )

    def __init__(self, units: dict[int, Unit], *args: Any) -> None:
        super().__init__(*args)
        self.fields["unit"].choices = [  # type: ignore[attr-defined]
            (one.code, one.name) for one in units.values()
        ]
        self.fields["language"].initial = get_language()

    def parameters(self) -> dict[str, int]:
        if self.cleaned_data["kind"] != Export.Kind.AUDIT_PACK:
            return {}
        seed = self.cleaned_data["seed"]
        found = {
            "size": self.cleaned_data["size"] or SIZES[0],
            "seed": 1 if seed is None else seed,
        }
        check_sample(**found)
        return found


COLUMNS = [
    Column(
        "kind",
        gettext_lazy("Export"),
        value=lambda e: e.get_kind_display(),
        link=lambda e: reverse("export", args=[e.pk]),
    ),
    Column("unit", gettext_lazy("Unit"), value=lambda e: e.unit.name),
    Column("as_of", gettext_lazy("As of"), "date", value=lambda e: e.valuation.as_of),
    Column("status", gettext_lazy("State"), value=lambda e: e.get_status_display()),
    Column("requested_by", gettext_lazy("Asked for by"), hide_on_phone=True),
    Column("created_at", gettext_lazy("Asked for"), "instant", hide_on_phone=True),
]


@require_http_methods(["GET", "HEAD", "POST"])
def exports(request: SignedInRequest) -> HttpResponse:
    """What was exported, and the form that asks for more."""
    access = access_of(request)
    if request.method == "POST":
        return _ask(request, acting(access, Capability.EXPORT_VALUE))
    units = visible_units(access)
    if any(one.code == request.GET.get("of") for one in units.values()):
        return redirect("monthly_report", request.GET["of"])
    valuation = approved_valuation(access)
    may_export = access.may(Capability.EXPORT_VALUE)
    rows = Export.objects.visible_to(access, Capability.EXPORT_VALUE)
    table = Table(
        COLUMNS,
        rows.select_related("unit", "valuation").order_by("-created_at")[:SHOWN],
        _("Exports"),
        empty=_("Nothing has been exported yet"),
    )
    context = {
        "approved": valuation,
        "form": ExportForm(units) if may_export else None,
        "table": table,
        "may_export": may_export,
        "units": units.values(),
        "notice": notice(),
    }
    return render(request, "valuation/reports/exports.html", context)


def _ask(request: SignedInRequest, access: Access) -> HttpResponse:
    units = visible_units(access)
    form = ExportForm(units, request.POST)
    try:
        if not form.is_valid():
            texts = [str(error) for errors in form.errors.values() for error in errors]
            messages.error(request, " ".join(texts))
            return redirect("exports")
        unit = next(one for one in units.values() if one.code == form.cleaned_data["unit"])
        wanted = form.cleaned_data
        made = request_export(access, unit, wanted["kind"], wanted["language"], form.parameters())
    except NotApproved:
        messages.error(request, _("Only an approved valuation may be exported; none is."))
        return redirect("exports")
    except Refused as refused:
        messages.error(
            request, " ".join(_(o.msgid) % {"field": o.field, **o.params} for o in refused.refusals)
        )
        return redirect("exports")
    transaction.on_commit(lambda: queue(access, made))
    return redirect("export", made.pk)


def queue(access: Access, made: Export) -> None:
    """Hand an export to a worker."""
    try:
        tasks.build_export.delay(access.tenant_id, made.pk)
    except OperationalError:
        fail_queued(Access.system(access.tenant_id, "export"), made)


def _found(request: SignedInRequest, pk: int) -> tuple[Access, Export]:
    access = acting(access_of(request), Capability.EXPORT_VALUE)
    rows = Export.objects.visible_to(access).select_related("unit", "valuation")
    return access, get_object_or_404(rows, pk=pk)


@require_safe
def export(request: SignedInRequest, pk: int) -> HttpResponse:
    """One export: how far it is, what it is made of, the file."""
    _access, found = _found(request, pk)
    valuation: Valuation = found.valuation
    facts = [
        (_("Unit"), found.unit.name),
        (_("As of"), formats.date(valuation.as_of)),
        (_("Model version"), valuation.model_version),
        (_("Hash of the input"), valuation.input_hash[:12]),
        (_("Language"), LANGUAGES.get(found.language, found.language)),
        (_("Asked for by"), f"{found.requested_by} · {formats.instant(found.created_at)}"),
    ]
    facts += [(key, str(value)) for key, value in sorted(found.parameters.items())]
    if found.sha256:
        facts.append((_("Bytes"), formats.integer(found.size)))
        facts.append(("SHA-256", found.sha256))
    context = {
        "export": found,
        "progress": progress_of(found),
        "facts": facts,
        "ready": bool(found.sha256) and path_of(found).exists(),
        "crumbs": [(_("Reports"), reverse("exports"))],
        "notice": notice(),
    }
    return render(request, "valuation/reports/export.html", context)


def progress_of(found: Export) -> Progress:
    working = found.status in (Export.Status.QUEUED, Export.Status.RUNNING)
    step, steps = cache.get(progress_key(found.pk)) or (0, 0)
    return Progress(
        label=str(found.get_kind_display()),
        url=reverse("export_progress", args=[found.pk]),
        state="running" if working else str(found.status),
        value=step,
        total=steps or None,
        detail=_(found.message) if found.message else "",
    )


@require_safe
def export_progress(request: SignedInRequest, pk: int) -> HttpResponse:
    """The progress component alone; a finished export renews the whole page."""
    _access, found = _found(request, pk)
    progress = progress_of(found)
    answer = render(request, "web/ui/progress.html", {"progress": progress})
    if not progress.running:
        answer["HX-Refresh"] = "true"
    return answer


@require_safe
def export_file(request: SignedInRequest, pk: int) -> FileResponse:
    """The file; each download is in the trail."""
    access, found = _found(request, pk)
    path = path_of(found)
    if not found.sha256 or not path.exists():
        raise Http404(_("This export has no file; files are kept for 30 days."))
    audit.record(
        *(access, "export.downloaded", f"export {found.pk}"),
        kind=found.kind,
        unit=found.unit.code,
        sha256=found.sha256,
    )
    return FileResponse(path.open("rb"), as_attachment=True, filename=found.file_name)


@require_safe
def monthly(request: SignedInRequest, code: str) -> HttpResponse:
    """The monthly capital report of a unit as a page, to read and to print."""
    access = access_of(request)
    unit = next((one for one in visible_units(access).values() if one.code == code), None)
    if unit is None:
        raise Http404(_("There is no such unit among those that you may see."))
    valuation = approved_valuation(access)
    if valuation is None:
        messages.warning(request, _("The report needs an approved valuation; none is."))
        return redirect("exports")
    subject = Subject.of(access, valuation, unit, get_language() or "zh-hans")
    document = report_of(subject)
    context = {
        "document": document,
        "sections": shown_sections(document),
        "crumbs": [(_("Reports"), reverse("exports"))],
    }
    return render(request, "valuation/reports/monthly.html", context)


def shown_sections(document: Document) -> list[dict[str, Any]]:
    """Sections with their figures and tables as text."""
    found = []
    for section in document.sections:
        figures = [
            {
                "figure": one,
                "value": written(one.value, one.kind),
                "mom": change(one, one.before),
                "yoy": change(one, one.year),
            }
            for one in section.figures
        ]
        grids = [
            {
                "title": grid.title,
                "heads": grid.heads,
                "note": grid.note,
                "rows": [
                    [
                        (written(value, kind), kind)
                        for value, (_head, kind) in zip(line, grid.heads, strict=True)
                    ]
                    for line in grid.rows
                ],
            }
            for grid in section.grids
            # The chart beside it has the same figures as a table.
            if grid.on_paper
        ]
        found.append(
            {
                "section": section,
                "figures": figures,
                "grids": grids,
                "goals": any(one.target or one.status for one in section.figures),
            }
        )
    return found
