"""Pages of structures: the list, a new one, and one with its what-if view in the address."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from organization import audit
from organization.access import Access, Capability
from organization.models import Unit
from organization.requests import SignedInRequest
from valuation.models import Pool, Structure, Valuation
from valuation.pools.actuals import actuals_of
from valuation.pools.basis import NoCandidates, basis_of
from valuation.pools.revolving import tested_again
from valuation.refusals import Refused
from valuation.shown import access_of, newest_valuation, visible_units
from valuation.structure import held_tables, tables
from valuation.structure.collections import Collections, parse_lines
from valuation.structure.form import SLIDERS, STRESSES, TERM_NAMES, StructureForm, said
from valuation.structure.performance import performance
from valuation.structure.sources import NotVisible, collections_of, pinned, pool_of
from valuation.structure.study import Study
from valuation.structure.terms import Terms, as_json, parse_terms, stress_of
from web import formats
from web.components import Lineage
from web.tables import Column, Table

MOST_BYTES = 200_000
LISTED = 200


class NewForm(forms.Form):
    """A new structure: over the flows of a unit, a cut pool, or a pasted or uploaded list."""

    name = forms.CharField(label=gettext_lazy("Name of the structure"), max_length=80)
    unit = forms.ChoiceField(label=gettext_lazy("Unit"))
    pool = forms.ChoiceField(
        label=gettext_lazy("Cut pool"),
        help_text=gettext_lazy("the structure then belongs to the unit of the pool"),
        required=False,
    )
    lines = forms.CharField(
        label=gettext_lazy("Collections of your own, one line a month"),
        help_text=gettext_lazy(
            "amount in yuan, or “amount, survival”; empty: the expected flows of the unit"
        ),
        widget=forms.Textarea(attrs={"rows": 4}),
        required=False,
    )
    file = forms.FileField(label=gettext_lazy("… or a CSV file of such lines"), required=False)

    def __init__(self, units: dict[int, Unit], pools: Iterable[Pool], *args: Any) -> None:
        super().__init__(*args)
        self.fields["pool"].choices = [  # type: ignore[attr-defined]
            ("", _("none: the flows of the unit")),
            *((str(one.pk), pool_words(one)) for one in pools),
        ]
        self.fields["unit"].choices = [  # type: ignore[attr-defined]
            (one.code, one.name) for one in units.values()
        ]

    def source(self) -> dict[str, Any]:
        """What the collections are read from; raises Refused for lines that make no sense."""
        text = self.cleaned_data["lines"]
        upload = self.cleaned_data["file"]
        if upload is not None:
            text = upload.read(MOST_BYTES).decode("utf-8", "replace")
        if text.strip():
            return parse_lines(text, self.cleaned_data["name"])
        if self.cleaned_data["pool"]:
            return {"kind": "pool", "pool": int(self.cleaned_data["pool"])}
        return {"kind": "unit", "code": self.cleaned_data["unit"]}


COLUMNS = [
    Column("name", gettext_lazy("Structure"), link=lambda s: reverse("structure", args=[s.pk])),
    Column("unit", gettext_lazy("Unit"), value=lambda s: s.unit.name),
    Column("version", gettext_lazy("Version"), "integer"),
    Column("source", gettext_lazy("Collections"), value=lambda s: source_words(s.source)),
    Column("author", gettext_lazy("Author"), hide_on_phone=True),
    Column("created_at", gettext_lazy("Saved"), "instant", hide_on_phone=True),
]


def pool_words(pool: Pool) -> str:
    return f"{pool.name} · {pool.unit.name} · {formats.date(pool.valuation.as_of)}"


def source_words(source: dict[str, Any]) -> str:
    if source.get("kind") == "unit":
        return _("expected flows of the valuation")
    if source.get("kind") == "pool":
        return _("a cut pool")
    return _("a list of %(count)s months") % {"count": len(source.get("amounts", []))}


@require_http_methods(["GET", "HEAD", "POST"])
def structures(request: SignedInRequest) -> HttpResponse:
    """The newest version of every structure, and the form of a new one."""
    access = access_of(request)
    units = visible_units(access)
    if any(one.code == request.GET.get("of") for one in units.values()):
        return redirect("structure_draft", request.GET["of"])
    may_save = access.may(Capability.CREATE_VALUATION)
    form = NewForm(units, cut_pools(access), request.POST or None, request.FILES or None)
    if request.method == "POST":
        access.require(Capability.CREATE_VALUATION)
        if form.is_valid():
            made = _create(access, form, units)
            if made is not None:
                return redirect("structure", made.pk)
    table = Table(
        COLUMNS,
        newest_versions(access),
        _("Structures"),
        empty=_("No structure has been saved yet"),
    )
    context = {
        "form": form,
        "table": table,
        "may_save": may_save,
        "units": units.values(),
        "valued": newest_valuation(access) is not None,
    }
    status = 400 if form.errors else 200
    return render(request, "valuation/structure/structures.html", context, status=status)


def cut_pools(access: Access) -> list[Pool]:
    """The newest pools that ``access`` may lay a structure over."""
    rows = Pool.objects.visible_to(access).select_related("unit", "valuation")
    wide = ("monthly", "strata", "cohorts", "terms", "waterfall")
    return list(rows.defer(*wide).order_by("-created_at")[:LISTED])


def newest_versions(access: Access) -> list[Structure]:
    """One row a structure, the last saved first."""
    rows = (
        Structure.objects.visible_to(access)
        .select_related("unit")
        .order_by("unit_id", "name", "-version")
        .distinct("unit_id", "name")[:LISTED]
    )
    return sorted(rows, key=lambda one: one.created_at, reverse=True)


def _create(access: Access, form: NewForm, units: dict[int, Unit]) -> Structure | None:
    unit = next(one for one in units.values() if one.code == form.cleaned_data["unit"])
    try:
        source = form.source()
        if source["kind"] == "pool":
            unit = pool_of(access, source).unit
        access.require(Capability.CREATE_VALUATION, unit.pk)
        found = collections_of(access, source)
        terms = Terms(horizon=len(found.amounts))
        Study(terms, found).figures  # noqa: B018  (refuses collections no deal can be laid over)
    except Refused as refused:
        for one in refused.refusals:
            form.add_error("lines", said(one))
        return None
    return save(access, unit, form.cleaned_data["name"], pinned(source, found), terms)


def save(
    access: Access, unit: Unit, name: str, source: dict[str, Any], terms: Terms, reason: str = ""
) -> Structure:
    """Store the next version under this name, and say so in the trail."""
    with transaction.atomic():
        rows = Structure.objects.visible_to(access).filter(unit=unit, name=name)
        last = rows.order_by("-version").values_list("version", flat=True).first() or 0
        made: Structure = Structure.objects.create(
            tenant_id=access.tenant_id,
            unit=unit,
            name=name,
            version=last + 1,
            source=source,
            terms=as_json(terms),
            reason=reason,
            author=access.label[:80],
        )
        audit.record(access, "structure.saved", f"{name} v{made.version}", unit=unit.code)
    return made


@dataclass(frozen=True)
class Slider:
    """One what-if slider: its form field, its reading and the id of the reading."""

    bound: forms.BoundField
    reading: str


@require_http_methods(["GET", "HEAD", "POST"])
def structure(request: SignedInRequest, pk: int) -> HttpResponse:
    """A stored structure; the address overrides its terms and says under which stress."""
    access = access_of(request)
    stored = get_object_or_404(Structure.objects.visible_to(access).select_related("unit"), pk=pk)
    asked = request.POST if request.method == "POST" else request.GET
    form = StructureForm(stored_terms(stored), asked)
    if request.method == "POST":
        access.require(Capability.CREATE_VALUATION, stored.unit_id)
        if form.is_valid():
            reason = asked.get("reason", "")[:500]
            made = save(access, stored.unit, stored.name, stored.source, form.terms, reason)
            messages.success(request, _("Saved as version %(number)s.") % {"number": made.version})
            return redirect("structure", made.pk)
    return bench(request, access, stored.source, form, stored=stored, unit=stored.unit)


@require_http_methods(["GET", "HEAD", "POST"])
def draft(request: SignedInRequest, code: str) -> HttpResponse:
    """A structure over a unit's expected flows that nobody has saved; POST saves it."""
    access = access_of(request)
    unit = next((one for one in visible_units(access).values() if one.code == code), None)
    if unit is None:
        raise Http404(_("There is no such unit among those that you may see."))
    if newest_valuation(access) is None:
        return redirect("valuation_dashboard")
    return _draft(request, access, {"kind": "unit", "code": code}, unit)


@require_http_methods(["GET", "HEAD", "POST"])
def draft_of_pool(request: SignedInRequest, pk: int) -> HttpResponse:
    """A structure over a cut pool that nobody has saved; POST saves it at the pool's unit."""
    access = access_of(request)
    source = {"kind": "pool", "pool": pk}
    try:
        unit = pool_of(access, source).unit
    except NotVisible as none:
        raise Http404(_("There is no such pool among those that you may see.")) from none
    return _draft(request, access, source, unit)


def _draft(
    request: SignedInRequest, access: Access, source: dict[str, Any], unit: Unit
) -> HttpResponse:
    asked = request.POST if request.method == "POST" else request.GET
    form = StructureForm(Terms(), asked)
    if request.method == "POST":
        if not access.may(Capability.CREATE_VALUATION, unit.pk):
            raise PermissionDenied(_("Your role does not include saving structures."))
        name = asked.get("name", "").strip()[:80]
        if name and form.is_valid():
            named = pinned(source, collections_of(access, source))
            return redirect("structure", save(access, unit, name, named, form.terms).pk)
        messages.error(request, _("Give the structure a name."))
    return bench(request, access, source, form, stored=None, unit=unit)


def stored_terms(stored: Structure) -> Terms:
    """Terms of a saved version. They were checked when they were saved."""
    return parse_terms(stored.terms)


def bench(
    request: SignedInRequest,
    access: Access,
    source: dict[str, Any],
    form: StructureForm,
    *,
    stored: Structure | None,
    unit: Unit,
) -> HttpResponse:
    """The page of settings and results; what makes no sense is said where the result would be."""
    context: dict[str, Any] = {
        "form": form,
        "stored": stored,
        "unit": unit,
        "sliders": [_slider(form, name) for name in SLIDERS],
        "more": [form[name] for name in TERM_NAMES if name not in SLIDERS],
        "more_stresses": [form[name] for name in STRESSES if name not in SLIDERS],
        "slider_outputs": ",".join(f"#read_{name}" for name in SLIDERS),
        "may_save": access.may(Capability.CREATE_VALUATION, unit.pk),
        "may_export": access.may(Capability.EXPORT_VALUE, unit.pk),
        "crumbs": [(_("Structures"), reverse("structures"))],
    }
    valid = form.is_valid()
    try:
        found = collections_of(access, source)
        context["pool"] = found if found.pool_id else None
        if valid:
            context |= results(form, found)
            if found.pool_id:
                context |= held(access, source, context["study"])
    except NotVisible as none:
        raise Http404(_("There is no such pool among those that you may see.")) from none
    except Refused as refused:
        form.refuse(refused)
    context["problems"] = form.problems
    status = 400 if form.problems and not request.htmx else 200
    return render(request, "valuation/structure/structure.html", context, status=status)


def _slider(form: StructureForm, name: str) -> Slider:
    value = form[name].value()
    unit = "%" if name in ("a_share", "b_share", "a_coupon", "margin", "volume") else ""
    return Slider(form[name], f"{value}{unit}")


def results(form: StructureForm, found: Collections) -> dict[str, Any]:
    """Everything below the settings."""
    study = Study(form.terms, found, stress_of(form.stresses))
    with_cached_break_evens(study)
    return {
        "study": study,
        "stressed": not study.stress.is_base,
        "tiles": tables.tiles(study),
        "pictures": tables.pictures(study),
        "scenarios": tables.scenario_table(study),
        "triggers": tables.trigger_table(study),
        "break_evens": tables.break_even_rows(study),
        "support": tables.support_rows(study),
        "periods": tables.period_table(study),
        "facts": facts(found, study),
        "lineage": lineage(found, study),
    }


def held(access: Access, source: dict[str, Any], study: Study) -> dict[str, Any]:
    """What the members of the cut pool have brought since, run through the deal."""
    pool = pool_of(access, source)
    actual = actuals_of(pool)
    found = performance(study, actual.net)
    return {
        "retested": held_tables.retested(*_tested_again(access, pool)),
        "held": held_tables.held_table(found.months),
        "held_triggers": held_tables.state_table(found),
        "held_note": held_tables.note(actual),
    }


def _tested_again(access: Access, pool: Pool) -> tuple[Valuation | None, float]:
    """The newest valuation after the cut, and the share of members who still meet the rules there:
    what the revolving period's share of eligible money may be held against."""
    newest = newest_valuation(access)
    if newest is None or newest.as_of <= pool.valuation.as_of:
        return None, 0.0
    try:
        left = tested_again(pool, basis_of(newest)).left
    except NoCandidates:
        return None, 0.0
    return newest, 1.0 - left / pool.customers


def with_cached_break_evens(study: Study) -> None:
    """Break-evens hang on the deal alone: moving a stress does not search them again."""
    digest = hashlib.sha256(repr(study.deal).encode()).hexdigest()
    key = f"break-evens-{digest}"
    kept = cache.get(key)
    if kept is None:
        kept = study.break_evens
        cache.set(key, kept, 600)
    study.__dict__["break_evens"] = kept


def facts(found: Collections, study: Study) -> list[tuple[str, str]]:
    rows = [(_("Collections"), found.label)]
    if found.pool_id is not None and found.as_of is not None:
        rows = [
            (_("Cut pool"), found.pool_name),
            (_("Cut-off"), formats.date(found.as_of)),
            (_("Members SHA-256"), found.members_hash[:16]),
        ]
    rows.append((_("Value of the pool at closing"), formats.money(tables.fen(study.value))))
    if found.as_of is not None:
        approved = _("approved") if found.approved else _("not approved")
        rows.append((_("Valuation"), f"{formats.date(found.as_of)} · {approved}"))
    if found.customers is not None:
        rows.append((_("Customers"), formats.integer(found.customers)))
    words = {
        "alive": _("P(alive) of the valuation"),
        "visits": _("falling envelope of the expected visits: ageing counts as attrition"),
        "given": _("as given with the list"),
        "": _("not known: no stress on attrition"),
    }
    rows.append((_("Survival curve"), words[found.survival_is]))
    return rows


def lineage(found: Collections, study: Study) -> Lineage:
    return Lineage(
        _(
            "collections → fees → A interest → B interest → A principal to target → B principal"
            " → reserve → residual; OC = (PV of later collections + collections + reserve) ÷ A"
        ),
        _("%(count)s months of expected margin less service and retention cost")
        % {"count": len(study.pool.amounts)},
        as_of=found.as_of,
        model_version=found.model_version,
        details=[
            (_("Input"), found.input_hash[:12] or formats.NOT_KNOWN),
            *([(_("Members SHA-256"), found.members_hash)] if found.members_hash else []),
        ],
    )
