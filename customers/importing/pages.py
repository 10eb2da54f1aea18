"""Pages of the import: upload, list of runs, one run with progress, counts and refusals."""

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import F, QuerySet, Sum
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import tasks
from customers.deliveries import set_aside
from customers.importing.bookkeeping import REJECTS_DIR
from customers.importing.kinds import KINDS
from customers.importing.messages import FileRefused, message
from customers.importing.names import column_words, file_words
from customers.importing.uploads import most_megabytes, receive
from customers.models import ImportFile, ImportProfile, ImportRun, RejectedRow
from organization import audit
from organization.access import Access, Capability
from organization.requests import SignedInRequest
from web.components import Badge, Progress
from web.paging import page_number, slice_page
from web.tables import Column, Table

PAGE = 50
_TONES = {"queued": "neutral", "running": "accent", "done": "good", "failed": "bad"}


class _Files(forms.FileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """Several files of one control."""

    widget = _Files

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = data if isinstance(data, list | tuple) else [data]
        return [super(_FilesField, self).clean(file, initial) for file in files]


class UploadForm(forms.Form):
    """Files of the exchange format, or archives of them."""

    upload = _FilesField(label=gettext_lazy("Files"))
    dry_run = forms.BooleanField(
        label=gettext_lazy("Dry run"),
        help_text=gettext_lazy("Report what would happen and write nothing"),
        required=False,
    )

    profile: Any = forms.ModelChoiceField(
        None,  # those of the reader's group, set below
        label=gettext_lazy("Mapping profile"),
        help_text=gettext_lazy("For one file of a foreign layout; its name does not matter then"),
        required=False,
        empty_label=gettext_lazy("none: files of the exchange format"),
    )
    most_refused = forms.DecimalField(
        label=gettext_lazy("Stop at refused rows above (%)"),
        help_text=gettext_lazy("Empty: the group's own limit"),
        min_value=0,
        max_value=100,
        decimal_places=2,
        required=False,
    )

    def __init__(self, access: Access, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        known = ImportProfile.objects.visible_to(access).order_by("name")
        choice: Any = self.fields["profile"]
        choice.queryset = known
        self.fields["upload"].help_text = _(
            "CSV or XLSX named after the format (%(names)s …), or a ZIP of them; up to %(most)s MB"
        ) % {
            "names": ", ".join(file_words(name) for name in list(KINDS)[:6]),
            "most": most_megabytes(),
        }


def importing_access(request: SignedInRequest) -> Access:
    """The access of a person who may import; a file may name any store, so all must be theirs."""
    access = request.access
    access.require_everywhere(Capability.IMPORT_DATA)
    return access


RUN_COLUMNS = [
    Column(
        "name",
        gettext_lazy("Delivery"),
        link=lambda run: reverse("import_run", args=[run.pk]),
        wrap=True,
    ),
    Column("created_at", gettext_lazy("Received"), "instant"),
    Column("started_by", gettext_lazy("Started by"), hide_on_phone=True),
    Column("status", gettext_lazy("State"), value=lambda run: run.get_status_display()),
    Column("read", gettext_lazy("Rows read"), "integer"),
    Column("written", gettext_lazy("Created or updated"), "integer", hide_on_phone=True),
    Column("refused", pgettext_lazy("rows", "Refused"), "integer"),
    Column(
        "dry_run",
        gettext_lazy("Dry run"),
        value=lambda run: _("yes") if run.dry_run else "",
        hide_on_phone=True,
    ),
]
FILE_COLUMNS = [
    Column("kind", gettext_lazy("File"), value=lambda one: _file_of(one)),
    Column("rows_read", gettext_lazy("Rows read"), "integer"),
    Column("created", pgettext_lazy("rows", "Created"), "integer"),
    Column("updated", pgettext_lazy("rows", "Updated"), "integer"),
    Column("unchanged", pgettext_lazy("rows", "Unchanged"), "integer"),
    Column("rejected", pgettext_lazy("rows", "Refused"), "integer"),
    Column("superseded", pgettext_lazy("rows", "Superseded"), "integer"),
]


def _file_of(line: ImportFile | dict[str, Any]) -> str:
    return str(line["kind"]) if isinstance(line, dict) else file_words(line.kind)


@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: SignedInRequest) -> HttpResponse:
    """The list of runs, and the upload."""
    access = importing_access(request)
    form = UploadForm(access, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            profile = form.cleaned_data["profile"]
            received = receive(form.cleaned_data["upload"], profile.kind if profile else None)
        except FileRefused as refused:
            form.add_error("upload", said(refused.problem.code, refused.problem.values))
        else:
            run = _queue(
                access,
                ImportRun(
                    name=received.name,
                    folder=str(received.folder),
                    dry_run=bool(form.cleaned_data["dry_run"]),
                    profile=profile,
                    most_refused=form.cleaned_data["most_refused"],
                ),
            )
            return redirect("import_run", run.pk)
    page = slice_page(
        _with_counts(ImportRun.objects.visible_to(access)).order_by("-created_at", "-pk"),
        page_number(request.GET.get("page")),
        PAGE,
    )
    table = Table(RUN_COLUMNS, page.object_list, _("Imports"), empty=_("Nothing loaded yet"))
    return render(
        request,
        "customers/importing/imports.html",
        {
            "form": form,
            "table": table,
            "page": page,
            "waiting": [
                (task, set_aside.address_of(task)) for task in set_aside.waiting(access)[:PAGE]
            ],
        },
        status=400 if form.errors else 200,
    )


@require_POST
def remove_delivery(request: SignedInRequest, pk: int) -> HttpResponse:
    """Delete the files of a delivery that was set aside, and close the task about it."""
    access = importing_access(request)
    task = get_object_or_404(set_aside.waiting(access), pk=pk)
    set_aside.remove(access, task)
    messages.success(request, _("The files are deleted and the task is closed."))
    return redirect("imports")


def _with_counts(runs: QuerySet[ImportRun]) -> QuerySet[ImportRun]:
    """``read``, ``written`` and ``refused`` rows of all files of each run."""
    return runs.annotate(
        read=Sum("files__rows_read"),
        written=Sum(F("files__created") + F("files__updated") + F("files__deleted")),
        refused=Sum("files__rejected"),
    )


def _queue(access: Access, run: ImportRun) -> ImportRun:
    run.tenant_id = access.tenant_id
    run.started_by = access.label[:80]
    run.save()
    audit.record(access, "queue_import", f"run {run.pk}", name=run.name, dry_run=run.dry_run)
    transaction.on_commit(lambda: tasks.queue_run(access.tenant_id, run.pk))
    return run


@require_safe
def import_run(request: SignedInRequest, pk: int) -> HttpResponse:
    """One run: how far it is, counts by file, warnings, refusals."""
    access = importing_access(request)
    run = get_object_or_404(ImportRun.objects.visible_to(access), pk=pk)
    files = list(run.files.order_by("pk"))
    page = slice_page(
        RejectedRow.objects.visible_to(access).filter(run=run).order_by("kind", "row", "pk"),
        page_number(request.GET.get("page")),
        PAGE,
    )
    context = {
        "run": run,
        "badge": Badge(run.get_status_display(), _TONES[run.status]),  # type: ignore[arg-type]
        "progress": _progress(run, files),
        "files": Table(FILE_COLUMNS, files, _("Files of this delivery"), total=_total(files)),
        "warnings": [
            (file_words(file.kind), said(warning["code"], warning["values"]))
            for file in files
            for warning in file.warnings
        ],
        "refusals": [
            (row, column_words(row.kind, row.column), said(row.code, row.values))
            for row in page.object_list
        ],
        "refused_files": [(file_words(kind), kind) for kind, _path in _refused_files(run)],
        "page": page,
        "crumbs": [(_("Imports"), reverse("imports"))],
        "can_load": run.dry_run and run.status == ImportRun.Status.DONE and _kept(run),
    }
    return render(request, "customers/importing/run.html", context)


@require_safe
def import_progress(request: SignedInRequest, pk: int) -> HttpResponse:
    """The progress component alone, asked by htmx; a finished run renews the whole page."""
    access = importing_access(request)
    run = get_object_or_404(ImportRun.objects.visible_to(access), pk=pk)
    progress = _progress(run, list(run.files.all()))
    answer = render(request, "web/ui/progress.html", {"progress": progress})
    if not progress.running:
        answer["HX-Refresh"] = "true"
    return answer


@require_POST
def load_for_real(request: SignedInRequest, pk: int) -> HttpResponse:
    """After a dry run: the same files, written."""
    access = importing_access(request)
    rehearsed = get_object_or_404(ImportRun.objects.visible_to(access), pk=pk, dry_run=True)
    if not _kept(rehearsed):
        raise Http404(_("The files of this run have been removed; upload them again."))
    run = _queue(
        access,
        ImportRun(
            name=rehearsed.name,
            folder=rehearsed.folder,
            profile=rehearsed.profile,
            most_refused=rehearsed.most_refused,
        ),
    )
    return redirect("import_run", run.pk)


@require_safe
def refusals_file(request: SignedInRequest, pk: int) -> FileResponse:
    """The refused rows with reasons; ``?file=visits`` those of one file alone, under the name that
    it must have to be loaded again. The download is recorded."""
    access = importing_access(request)
    run = get_object_or_404(ImportRun.objects.visible_to(access), pk=pk)
    path = Path(run.rejects_file)
    if asked := request.GET.get("file"):
        path = dict(_refused_files(run)).get(asked, Path())
    if not run.rejects_file or not _below(path, Path(settings.VAR_DIR) / REJECTS_DIR):
        raise Http404(_("This run has no refusal file; it is kept for 30 days."))
    audit.record(access, "download_refusals", f"run {run.pk}")
    name = path.name if path.stem in KINDS else f"refusals-{run.pk}.csv"
    return FileResponse(path.open("rb"), as_attachment=True, filename=name)


def _refused_files(run: ImportRun) -> list[tuple[str, Path]]:
    """Of each file with refusals its own refusal file, which corrected can be uploaded as it is."""
    if not run.rejects_file:
        return []
    folder = Path(run.rejects_file).parent
    return [(kind, path) for kind in KINDS if (path := folder / f"{kind}.csv").exists()]


def _kept(run: ImportRun) -> bool:
    """Whether the uploaded files are still there; folders of the command line are not ours."""
    return _below(Path(run.folder), Path(settings.UPLOAD_DIR))


def _below(path: Path, folder: Path) -> bool:
    return path.exists() and path.resolve().is_relative_to(folder.resolve())


def said(code: str, values: dict[str, Any] | Any) -> str:
    return message(code, values, get_language() or "zh-hans")


def _total(files: list[ImportFile]) -> dict[str, Any]:
    keys = [column.key for column in FILE_COLUMNS[1:]]
    return {"kind": _("Total"), **{key: sum(getattr(f, key) for f in files) for key in keys}}


def _progress(run: ImportRun, files: list[ImportFile]) -> Progress:
    unfinished = run.status in (ImportRun.Status.QUEUED, ImportRun.Status.RUNNING)
    rows = sum(file.rows_read for file in files)
    current = next((file.kind for file in files if not file.finished), "")
    working = ""
    if unfinished and current:
        working = _("%(file)s, %(rows)s rows read") % {
            "file": file_words(current),
            "rows": f"{rows:,}",
        }
    return Progress(
        label=run.name,
        url=reverse("import_progress", args=[run.pk]),
        state="running" if unfinished else str(run.status),
        value=sum(file.bytes if file.finished else file.bytes_read for file in files),
        total=sum(file.bytes for file in files) or None,
        detail=run.message or working,
    )
