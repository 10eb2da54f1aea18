"""How figures of a definition are written: value, change, target, band."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from valuation.indicators.definition import Definition, Kind
from web import formats
from web.shell import Tone


def _whole(value: float) -> int:
    return round(value)


WRITERS: dict[Kind, Callable[[float], str]] = {
    "percent": formats.percent,
    "money": lambda v: formats.money(_whole(v)),
    "integer": formats.integer,
    "points": lambda v: formats.decimal(v, 0),
    "times": lambda v: f"{formats.decimal(v, 2)}×",
    "months": lambda v: _("%(count)s months") % {"count": formats.integer(v)},
    "decimal": lambda v: formats.decimal(v, 1),
}
EXACT: dict[Kind, Callable[[float], str]] = {
    **WRITERS,
    "percent": lambda v: formats.percent(v, 2),
    "money": lambda v: formats.money_exact(_whole(v)),
    "points": lambda v: formats.decimal(v, 2),
    "times": lambda v: f"{formats.decimal(v, 4)}×",
}
LEVEL_TONES: dict[str, Tone] = {"good": "good", "fair": "neutral", "improve": "warn"}


def written(definition: Definition, value: float | None) -> str:
    return formats.NOT_KNOWN if value is None else WRITERS[definition.kind](value)


def exactly(definition: Definition, value: float | None) -> str:
    return formats.NOT_KNOWN if value is None else EXACT[definition.kind](value)


def delta_kind(definition: Definition) -> str:
    """How ``{% delta %}`` writes the change of a year."""
    if definition.kind == "percent":
        return "points"
    return "integer" if definition.kind in ("points", "months") else "percent"


def target_value(definition: Definition, declared: float | None) -> float | None:
    """A delivered target in the figure's unit: money is delivered in yuan."""
    if declared is None:
        return None
    return declared * 100 if definition.kind == "money" else declared


def part_written(definition: Definition, amount: int, *, counters: Any) -> str:
    """One side of a ratio: money where its counters are in fen."""
    if any(name.endswith("_fen") for name in counters):
        return formats.money_exact(amount)
    return formats.integer(amount)


def code_list(codes: list[str]) -> str:
    return pgettext("between names", ", ").join(codes)
