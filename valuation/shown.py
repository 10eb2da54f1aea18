"""What a page of the valuation is about: the valuation, the unit, its children and stores."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from ml.models import ScoreSet, TrainingRun
from ml.publication import current_score_set
from organization.access import Access, Capability, acting
from organization.models import Unit
from organization.requests import SignedInRequest
from valuation import figures
from valuation.models import Approval, Valuation, ValuedUnit

# What children and stores are listed with; the wide JSON columns stay in the database.
LISTED = ("id", "unit_id", "customers", "expected_fen", "p5_fen", "p95_fen", "counters", "peers")


def access_of(request: SignedInRequest) -> Access:
    """The request's access at the units whose value it shows; 403 where there are none."""
    return acting(request.access, Capability.SEE_VALUE)


def newest_valuation(access: Access) -> Valuation | None:
    """The valuation with the latest as-of; of several for one day the one made last."""
    newest: Valuation | None = (
        Valuation.objects.visible_to(access)
        .select_related("assumptions", "score_set", "approval")
        .order_by("-as_of", "-created_at")
        .first()
    )
    return newest


@dataclass(frozen=True)
class Listed:
    """A child or store with its ratios."""

    unit: Unit
    valued: ValuedUnit

    @cached_property
    def ratios(self) -> dict[str, float | None]:
        return figures.ratios(self.valued.counters)

    @property
    def href(self) -> str:
        return reverse("valued_unit", args=[self.unit.code])

    def quantile(self, name: str) -> float | None:
        found: float | None = self.valued.peers.get("quantiles", {}).get(name)
        return found

    def figure_href(self, key: str) -> str:
        return figure_address(self.unit, key)


@dataclass(frozen=True)
class Shown:
    """One unit's page. ``units``: all units of the access by id."""

    access: Access
    valuation: Valuation
    unit: Unit
    valued: ValuedUnit
    units: dict[int, Unit]

    @property
    def approval(self) -> Approval | None:
        return getattr(self.valuation, "approval", None)

    @cached_property
    def ratios(self) -> dict[str, float | None]:
        return figures.ratios(self.valued.counters)

    @cached_property
    def below(self) -> list[Listed]:
        """Children and stores below the unit, in one query, by value."""
        ids = [
            one.pk
            for one in self.units.values()
            if one.pk != self.unit.pk
            and self.unit.pk in one.path
            and (one.parent_id == self.unit.pk or one.level == Unit.Level.STORE)
        ]
        rows = (
            ValuedUnit.objects.visible_to(self.access)
            .filter(valuation=self.valuation, unit_id__in=ids)
            .only(*LISTED)
            .order_by("-expected_fen", "unit_id")
        )
        return [Listed(self.units[row.unit_id], row) for row in rows]

    @property
    def children(self) -> list[Listed]:
        return [one for one in self.below if one.unit.parent_id == self.unit.pk]

    @property
    def stores(self) -> list[Listed]:
        return [one for one in self.below if one.unit.level == Unit.Level.STORE]

    @property
    def crumbs(self) -> list[tuple[str, str]]:
        return crumbs_of(self.unit, self.units, "valued_unit")

    @property
    def href(self) -> str:
        return reverse("valued_unit", args=[self.unit.code])

    def quantile(self, name: str) -> float | None:
        found: float | None = self.valued.peers.get("quantiles", {}).get(name)
        return found

    def figure_href(self, key: str) -> str:
        return figure_address(self.unit, key)

    def cell_href(self, measure: str, quarter: str, elapsed: int) -> str:
        """The address of one cell of the cohorts' heat map."""
        cell = f"&cohort={quarter}&elapsed={elapsed}"
        return figure_address(self.unit, f"cohort_{measure}") + cell


def figure_address(unit: Unit, key: str) -> str:
    """Where a figure of the newest valuation is explained down to its rows."""
    return f"{reverse('figure', args=[unit.code, key])}?at=valuation"


def visible_units(access: Access) -> dict[int, Unit]:
    rows = Unit.objects.visible_to(access).order_by("code")
    return {one.pk: one for one in rows if access.covers(one.pk)}


def _own_unit(access: Access, units: dict[int, Unit]) -> Unit | None:
    """Where a person starts: the unit of the longest assignment, else the highest visible one."""
    if access.home_unit_id in units:
        return units[access.home_unit_id]
    return min(units.values(), key=lambda one: (len(one.path), one.code), default=None)


def chosen_unit(access: Access, units: dict[int, Unit], code: str | None) -> Unit:
    """The unit of an address, by default the person's own; 404 outside ``units``."""
    unit = (
        _own_unit(access, units)
        if code is None
        else next((one for one in units.values() if one.code == code), None)
    )
    if unit is None:
        raise Http404(_("There is no such unit among those that you may see."))
    return unit


def crumbs_of(unit: Unit, units: dict[int, Unit], page: str) -> list[tuple[str, str]]:
    """The visible units above, with the addresses of the same page about them."""
    above = [units[one] for one in unit.path[:-1] if one in units]
    return [(one.name, reverse(page, args=[one.code])) for one in above]


def shown_unit(access: Access, code: str | None) -> Shown | None:
    """The page of a unit, by default the person's own; None while there is no valuation.

    Raises ``Http404`` for a unit that does not exist or lies outside the access.
    """
    units = visible_units(access)
    unit = chosen_unit(access, units, code)
    valuation = newest_valuation(access)
    if valuation is None:
        return None
    valued = ValuedUnit.objects.visible_to(access).filter(valuation=valuation, unit=unit).first()
    if valued is None:
        raise Http404(_("This unit is younger than the latest valuation."))
    return Shown(access, valuation, unit, valued, units)


@dataclass(frozen=True)
class Standing:
    """Where scores and training stand beside the valuation that is shown."""

    score_set: ScoreSet | None
    last_run: TrainingRun | None
    valuation: Valuation | None

    @property
    def failed(self) -> bool:
        return self.last_run is not None and self.last_run.status in (
            TrainingRun.Status.FAILED,
            TrainingRun.Status.HELD,
        )

    @property
    def newer_scores(self) -> bool:
        return (
            self.score_set is not None
            and self.valuation is not None
            and self.score_set.as_of > self.valuation.as_of
        )


def standing(access: Access, valuation: Valuation | None) -> Standing:
    run = TrainingRun.objects.visible_to(access).order_by("-created_at").first()
    return Standing(current_score_set(access), run, valuation)


def lineage_facts(shown: Shown) -> dict[str, Any]:
    """The part of every figure's lineage that is the same on the page."""
    return {"as_of": shown.valuation.as_of, "model_version": shown.valuation.model_version}
