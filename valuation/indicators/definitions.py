"""Every indicator by its key: the one list behind tables, addresses, alarms and methodology."""

from typing import Any

from valuation.indicators import catalogue
from valuation.indicators.definition import (
    Counters,
    Definition,
    Dimension,
)

DEFINITIONS: dict[str, Definition] = {
    one.key: one
    for one in (
        *catalogue.OPERATIONS,
        *catalogue.GROWTH,
        *catalogue.PROFIT,
        *catalogue.CAPITAL,
        *catalogue.CUSTOMER,
        *catalogue.MOAT,
    )
}


def versions() -> dict[str, str]:
    """``version·digest`` of every definition, as a run writes it down."""
    return {key: f"{one.version}·{one.digest}" for key, one in DEFINITIONS.items()}


def of_dimension(dimension: Dimension) -> list[Definition]:
    return [one for one in DEFINITIONS.values() if one.dimension == dimension]


def figures_of(counters: Counters) -> dict[str, float | None]:
    """Every figure that follows from counters alone; the rest is added by recording."""
    return {
        key: _known(one, counters) for key, one in DEFINITIONS.items() if one.shape != "payback"
    }


def _known(one: Definition, counters: Counters) -> float | None:
    """None for a sum of nothing recorded; other shapes are None by their denominator."""
    if one.shape == "sum" and not any(name in counters for name in one.numerator):
        return None
    return one.value(counters)


def described(definition: Definition) -> dict[str, Any]:
    """The definition in plain words, for methodology and exports."""
    return {
        "key": definition.key,
        "label": str(definition.label),
        "formula": str(definition.formula),
        "window": str(definition.window),
        "version": definition.version,
        "digest": definition.digest,
    }
