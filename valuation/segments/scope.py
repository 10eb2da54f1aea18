"""The unit and score set that a page of segments is about."""

from dataclasses import dataclass
from functools import cached_property

from django.urls import reverse
from django.utils.translation import gettext as _

from ml.models import ScoreSet
from ml.publication import current_score_set
from organization.access import Access, Capability, acting
from organization.models import Unit
from organization.requests import SignedInRequest
from valuation.shown import chosen_unit, crumbs_of, visible_units
from web.components import Tab


@dataclass(frozen=True)
class Scope:
    """``units``: all that the access sees, by id; ``score_set``: None before the first one."""

    access: Access
    unit: Unit
    units: dict[int, Unit]
    score_set: ScoreSet | None
    page: str

    @cached_property
    def stores(self) -> list[Unit]:
        return self.stores_of(self.unit)

    def stores_of(self, unit: Unit) -> list[Unit]:
        """The visible stores of a unit, itself if it is one."""
        return [
            one
            for one in self.units.values()
            if one.level == Unit.Level.STORE and unit.pk in one.path
        ]

    @property
    def children(self) -> list[Unit]:
        return [one for one in self.units.values() if one.parent_id == self.unit.pk]

    @property
    def crumbs(self) -> list[tuple[str, str]]:
        return crumbs_of(self.unit, self.units, self.page)

    @property
    def tabs(self) -> list[Tab]:
        pages = {
            "segments": _("Risk by value"),
            "due_calendar": _("Due calendar"),
            "workload": _("Workshop load"),
        }
        return [
            Tab(label, reverse(name, args=[self.unit.code]), name == self.page)
            for name, label in pages.items()
        ]

    @property
    def may_list(self) -> bool:
        """Whether cells lead to their customers."""
        return self.access.may(Capability.SEE_CUSTOMERS)

    @property
    def may_export(self) -> bool:
        return self.access.may(Capability.EXPORT_VALUE)

    def list_href(self, query: str) -> str:
        """The customers of a cell; empty for those who may not see customers."""
        if not self.may_list:
            return ""
        return f"{reverse('segment_customers', args=[self.unit.code])}?{query}"


def scope_of(request: SignedInRequest, code: str | None, page: str, *more: Capability) -> Scope:
    """Read the address; 403 without probabilities, values and ``more``, 404 for other units."""
    needed = (Capability.SEE_VALUE, Capability.SEE_PROBABILITIES, *more)
    access = acting(request.access, *needed)
    units = visible_units(access)
    return Scope(access, chosen_unit(access, units, code), units, current_score_set(access), page)
