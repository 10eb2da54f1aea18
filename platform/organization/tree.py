"""The organization tree: units with kind, brand, city and brand authorisation."""

from datetime import date, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from organization.access import Access, Capability, Forbidden
from organization.models import Unit
from organization.requests import SignedInRequest
from web.tables import Column, Table

# Renewing a brand's authorisation takes about a quarter.
WARN_BEFORE = timedelta(days=90)


def units_seen(access: Access) -> list[Unit]:
    """The units to administer or load, and those above them, each parent before its children."""
    own = access.units_for(Capability.ADMINISTER) | access.units_for(Capability.IMPORT_DATA)
    units = {unit.pk: unit for unit in Unit.objects.visible_to(access)}
    shown = {above for pk, unit in units.items() if pk in own for above in unit.path}
    # A path of codes sorts a subtree right behind its root, siblings by code.
    return sorted(
        (units[pk] for pk in shown), key=lambda u: [units[pk].code for pk in u.path if pk in units]
    )


def _name(unit: Unit) -> SafeString:
    return format_html('<span class="depth-{}">{}</span>', len(unit.path) - 1, unit.name)


def kind_of(unit: Unit) -> Any:
    """4S store, non-4S store or other enterprise; of other units the level."""
    return unit.get_store_kind_display() if unit.store_kind else unit.get_level_display()


def tone(unit: Unit, today: date) -> str:
    """Red where the authorisation has ended, amber in the quarter before."""
    if unit.authorised_until is None or unit.authorised_until > today + WARN_BEFORE:
        return ""
    return "bad" if unit.authorised_until < today else "warn"


COLUMNS = [
    Column("name", gettext_lazy("Organization unit"), format="html", value=_name),
    Column("code", gettext_lazy("Code"), hide_on_phone=True),
    Column("kind", gettext_lazy("Kind"), value=kind_of),
    Column("brand", gettext_lazy("Brand"), hide_on_phone=True),
    Column("city", gettext_lazy("City"), hide_on_phone=True),
    Column("legal_entity", gettext_lazy("Legal entity"), hide_on_phone=True),
    Column("opened_on", gettext_lazy("Opened"), format="date", hide_on_phone=True),
    Column("authorised_until", gettext_lazy("Authorised until"), format="date"),
]


@require_safe
def units(request: SignedInRequest) -> HttpResponse:
    access = request.access
    if not access.may(Capability.IMPORT_DATA) and not access.may(Capability.ADMINISTER):
        raise Forbidden(Capability.ADMINISTER)
    today = timezone.localdate()
    table = Table(
        COLUMNS,
        units_seen(access),
        _("Organization"),
        tone=lambda unit: tone(unit, today),
        empty=_("No unit is assigned to you"),
    )
    return render(request, "organization/units.html", {"table": table})
