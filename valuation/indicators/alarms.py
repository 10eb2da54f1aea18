"""The traps of capital reports, looked for in a unit's own recorded figures."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from valuation.indicators.definitions import DEFINITIONS
from valuation.indicators.records import UnitIndicators
from valuation.multiples import MIN_COMPARABLES, TOO_FEW
from valuation.refusals import Refusal
from valuation.traps import leaky_bucket, over_optimistic, redefined, vanity_totals

# Totals that say nothing without the figure beside them.
TWINS = {"visits": "return_rate", "output": "output_per_visit", "margin": "gross_margin"}
METRIC_OF = {"new_share": "retention", "growth": "organic_growth", "gross_margin": "gross_margin"}


@dataclass(frozen=True)
class Alarm:
    """``trap``: leaky_bucket, vanity, redefined, forecast or comparables; ``metric``: the
    indicator that a task would be about, "" where there is none."""

    trap: str
    reason: Refusal
    metric: str = ""

    @property
    def text(self) -> str:
        """The sentence in the reader's language."""
        params = {name: str(value) for name, value in self.reason.params.items()}
        return _(self.reason.msgid) % {"field": self.reason.field, **params}


def leaking(now: Mapping[str, float | None], before: Mapping[str, float | None]) -> list[Alarm]:
    """Growth that is bought; ``before`` are the figures of a year earlier."""
    rates = [one for one in (now.get("organic_growth"), now.get("customer_growth")) if one]
    kept, new = now.get("retention"), now.get("new_share")
    if kept is None or new is None:
        return []
    found = leaky_bucket(
        growth=max(rates, default=0.0),
        retention=kept,
        retention_before=before.get("retention"),
        new_share=new,
    )
    return [Alarm("leaky_bucket", one, "retention") for one in found]


def vanity(now: Mapping[str, float | None]) -> list[Alarm]:
    """Totals that are known while their per-unit twin is not."""
    shown = [key for key, value in now.items() if value is not None]
    found = vanity_totals(shown, TWINS)
    return [Alarm("vanity", _labelled(one)) for one in found]


def _labelled(one: Refusal) -> Refusal:
    """Keys replaced by labels, which translate when they are shown."""
    params = dict(one.params)
    if params.get("value") in DEFINITIONS:
        params["value"] = DEFINITIONS[str(params["value"])].label
    label = DEFINITIONS[one.field].label if one.field in DEFINITIONS else one.field
    return Refusal(one.field, one.msgid, {**params, "field": label})


def changed_definitions(rows: Sequence[UnitIndicators]) -> list[Alarm]:
    """Indicators whose definition differs between the first and the last of the months shown."""
    found: dict[str, Refusal] = {}
    for before, now in itertools.pairwise(rows):
        if before.run_id != now.run_id:
            for one in redefined(before.run.definitions, now.run.definitions):
                found[one.field] = one
    known = [one for one in found.values() if one.field in DEFINITIONS]
    return [Alarm("redefined", _labelled(one)) for one in known]


def forecast(monthly: Mapping[str, Sequence[int]]) -> list[Alarm]:
    """The valuation's own flows by year, held against what cohorts can support."""
    revenue = _by_year(monthly.get("revenue_fen", ()))
    margin = _by_year(monthly.get("margin_fen", ()))
    growth = [b / a - 1.0 for a, b in itertools.pairwise(revenue) if a > 0]
    rates = [m / r for m, r in zip(margin, revenue, strict=True) if r > 0]
    if not rates:
        return []
    found = over_optimistic(growth, rates[0], rates[-1])
    return [Alarm("forecast", one, METRIC_OF.get(one.field, "")) for one in found]


def _by_year(flow: Sequence[int]) -> list[int]:
    return [sum(flow[start : start + 12]) for start in range(0, len(flow) - 11, 12)]


def too_few_comparables(count: int) -> list[Alarm]:
    if count >= MIN_COMPARABLES:
        return []
    return [Alarm("comparables", Refusal("comparables", TOO_FEW, {"value": count}))]
