"""Pages of mapping profiles, the list and the editor with its preview; the group's import rules."""

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from customers.importing.columns import Column as FormatColumn
from customers.importing.columns import Context
from customers.importing.kinds import KINDS
from customers.importing.limits import limit_of, set_limit
from customers.importing.messages import FileRefused
from customers.importing.names import column_words, file_words
from customers.importing.pages import importing_access, said
from customers.importing.profiles import Preview, layout_of, opened, preview, suggest
from customers.importing.text_files import Hints
from customers.importing.uploads import keep_sample
from customers.models import ImportProfile
from organization import audit
from organization.access import Access
from organization.models import Tenant
from organization.requests import SignedInRequest
from web.tables import Column, Table

_PERSONAL = {"mobile", "phone2", "id_number", "brought_by_mobile"}
COLUMNS = [
    Column(
        "name",
        gettext_lazy("Mapping profile"),
        link=lambda profile: reverse("import_profile", args=[profile.pk]),
    ),
    Column("kind", gettext_lazy("File"), value=lambda profile: file_words(profile.kind)),
    Column("columns", gettext_lazy("Columns"), "integer", value=lambda p: len(p.columns)),
    Column("changed_at", gettext_lazy("Changed"), "instant", hide_on_phone=True),
]


class NewProfileForm(forms.ModelForm):
    """Name, kind and a sample; the rest is suggested."""

    kind = forms.ChoiceField(label=gettext_lazy("What the file holds"))
    sample = forms.FileField(label=gettext_lazy("Sample file"))

    class Meta:
        model = ImportProfile
        fields = ("name", "kind", "encoding", "delimiter")
        labels = {
            "name": gettext_lazy("Name of the profile"),
            "encoding": gettext_lazy("Encoding"),
            "delimiter": gettext_lazy("Delimiter"),
        }

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self.fields["kind"].choices = [(name, file_words(name)) for name in KINDS]  # type: ignore[attr-defined]


class ProfileForm(forms.ModelForm):
    """How a file is read, and for each column of the format its title or a constant."""

    sample = forms.FileField(
        label=gettext_lazy("Another sample"),
        help_text=gettext_lazy("Samples are deleted with other uploads; the profile stays"),
        required=False,
    )

    class Meta:
        model = ImportProfile
        fields = ("name", "encoding", "delimiter", "skip", "dates", "separator")
        labels = {
            "name": gettext_lazy("Name of the profile"),
            "encoding": gettext_lazy("Encoding"),
            "delimiter": gettext_lazy("Delimiter"),
            "skip": gettext_lazy("Rows above the header"),
            "dates": gettext_lazy("Dates"),
            "separator": gettext_lazy("Separator of several values in a cell"),
        }

    def __init__(self, titles: list[str], *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self.kind = KINDS[self.instance.kind]
        offered = list(dict.fromkeys([*titles, *self.instance.columns.values()]))
        choices = [("", "—"), *((title, title) for title in offered)]
        for column in self.kind.columns:
            self.fields[f"column-{column.name}"] = forms.ChoiceField(
                label=column.name,
                choices=choices,
                required=False,
                initial=self.instance.columns.get(column.name, ""),
            )
            self.fields[f"constant-{column.name}"] = forms.CharField(
                label=_("Constant for %(column)s") % {"column": column.name},
                max_length=120,
                required=False,
                initial=self.instance.constants.get(column.name, ""),
            )

    def general(self) -> list[forms.BoundField]:
        """The fields that are not of one column."""
        return [self[name] for name in (*self.Meta.fields, "sample")]

    def mapped(self) -> list[tuple[FormatColumn, str, forms.BoundField, forms.BoundField]]:
        """Column of the format and how it is called, its title in the file, its constant."""
        kind = self.instance.kind
        return [
            (
                column,
                column_words(kind, column.name),
                self[f"column-{column.name}"],
                self[f"constant-{column.name}"],
            )
            for column in self.kind.columns
        ]

    def _filled(self, prefix: str) -> dict[str, str]:
        return {
            column.name: self.cleaned_data[f"{prefix}-{column.name}"]
            for column in self.kind.columns
            if self.cleaned_data.get(f"{prefix}-{column.name}")
        }

    def save(self, commit: bool = True) -> ImportProfile:
        self.instance.columns = self._filled("column")
        self.instance.constants = self._filled("constant")
        profile: ImportProfile = super().save(commit)
        return profile


class RulesForm(forms.Form):
    """The group's limit on refused rows."""

    most_refused = forms.DecimalField(
        label=gettext_lazy("Stop at refused rows above (%)"),
        min_value=0,
        max_value=100,
        decimal_places=2,
        required=False,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def profiles(request: SignedInRequest) -> HttpResponse:
    """The list, a new one from a sample, and the group's rules."""
    access = importing_access(request)
    posted = request.method == "POST"
    form = NewProfileForm(*((request.POST, request.FILES) if posted else ()))
    if posted and form.is_valid():
        made = _made(access, form)
        if made is not None:
            return redirect("import_profile", made.pk)
    known = list(ImportProfile.objects.visible_to(access).order_by("name"))
    context = {
        "form": form,
        "rules": RulesForm(initial={"most_refused": limit_of(_tenant(access))}),
        "table": Table(COLUMNS, known, _("Mapping profiles"), empty=_("No profile yet")),
        "crumbs": [(_("Imports"), reverse("imports"))],
    }
    status = 400 if form.errors else 200
    return render(request, "customers/importing/profiles.html", context, status=status)


def _made(access: Access, form: NewProfileForm) -> ImportProfile | None:
    made: ImportProfile = form.instance
    made.tenant_id = access.tenant_id
    try:
        made.sample = str(keep_sample(form.cleaned_data["sample"]))
        suggest(made, Path(made.sample))
        with transaction.atomic():
            made.save()
    except FileRefused as refused:
        form.add_error("sample", said(refused.problem.code, refused.problem.values))
        return None
    except IntegrityError:
        form.add_error("name", _("There is a profile of that name already."))
        return None
    audit.record(access, "save_import_profile", f"profile {made.pk}", name=made.name)
    return made


def _tenant(access: Access) -> Tenant:
    return Tenant.objects.get(pk=access.tenant_id)


@require_POST
def rules(request: SignedInRequest) -> HttpResponse:
    """Save the group's rules."""
    access = importing_access(request)
    form = RulesForm(request.POST)
    if form.is_valid():
        limit = form.cleaned_data["most_refused"]
        set_limit(_tenant(access), limit)
        audit.record(access, "save_import_rules", "rules", most_refused=str(limit or ""))
    return redirect("import_profiles")


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SignedInRequest, pk: int) -> HttpResponse:
    """The editor: settings, columns, and what they make of the sample."""
    access = importing_access(request)
    kept = get_object_or_404(ImportProfile.objects.visible_to(access), pk=pk)
    posted = request.method == "POST"
    form = ProfileForm(
        _titles(kept),
        *((request.POST, request.FILES) if posted else ()),
        instance=kept,
    )
    if posted and form.is_valid() and _saved(access, form):
        return redirect("import_profile", pk)
    shown, problem = _preview(access, kept)
    context = {
        "profile": kept,
        "form": form,
        "kind_words": file_words(kept.kind),
        "preview": shown,
        "problem": problem,
        "crumbs": [
            (_("Imports"), reverse("imports")),
            (_("Mapping profiles"), reverse("import_profiles")),
        ],
    }
    status = 400 if form.errors else 200
    return render(request, "customers/importing/profile.html", context, status=status)


def _saved(access: Access, form: ProfileForm) -> bool:
    sample: UploadedFile | None = form.cleaned_data["sample"]
    try:
        if sample is not None:
            form.instance.sample = str(keep_sample(sample))
        with transaction.atomic():
            kept = form.save()
    except FileRefused as refused:
        form.add_error("sample", said(refused.problem.code, refused.problem.values))
        return False
    except IntegrityError:
        form.add_error("name", _("There is a profile of that name already."))
        return False
    audit.record(access, "save_import_profile", f"profile {kept.pk}", name=kept.name)
    return True


@require_POST
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Delete a profile; runs that were read by it stay."""
    access = importing_access(request)
    kept = get_object_or_404(ImportProfile.objects.visible_to(access), pk=pk)
    audit.record(access, "delete_import_profile", f"profile {pk}", name=kept.name)
    kept.delete()
    return redirect("import_profiles")


def _sample(kept: ImportProfile) -> Path | None:
    path = Path(kept.sample)
    inside = path.resolve().is_relative_to(Path(settings.UPLOAD_DIR).resolve())
    return path if kept.sample and inside and path.is_file() else None


def _titles(kept: ImportProfile) -> list[str]:
    """Titles of the sample's header row; none where it cannot be read by these settings."""
    path = _sample(kept)
    if path is None:
        return []
    try:
        table = opened(path, Hints(kept.encoding, kept.delimiter, kept.skip))
    except FileRefused:
        return []  # the preview says why
    return [title.strip() for title in table.header if title.strip()]


def _preview(access: Access, kept: ImportProfile) -> tuple[dict[str, Any] | None, str]:
    """Header and rows of the converted sample, or why there is none."""
    path = _sample(kept)
    if path is None:
        return None, _("The sample has been deleted; upload another to see what the profile makes.")
    context = Context(access.tenant_id, timezone.localdate())
    try:
        shown = preview(layout_of(kept), path, context)
    except FileRefused as refused:
        return None, said(refused.problem.code, refused.problem.values)
    return {"header": shown.header, "rows": _shown_rows(shown)}, ""


def _shown_rows(shown: Preview) -> list[list[tuple[str, str]]]:
    """Cells with what is wrong with them; numbers of persons by their last digits only."""
    return [
        [
            (
                f"…{cell.text.strip()[-4:]}"
                if name in _PERSONAL and cell.text.strip()
                else cell.text,
                said(cell.problem.code, cell.problem.values) if cell.problem else "",
            )
            for name, cell in zip(shown.header, row, strict=True)
        ]
        for row in shown.rows
    ]
