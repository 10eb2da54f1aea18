"""What an indicator is: a shape over sums of counters, with its words, window and version.

An indicator is a shape over two sums of integer counters that add up over stores, so that a
parent's figure follows from its children's counters and from the rows that lineage lists. A change
of meaning is a new ``version``: stored months keep the version by which they were made.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext_lazy as _

from valuation.indicators import formulas
from web.shell import Text

Dimension = Literal["operations", "growth", "profit", "capital", "customer", "moat"]
Shape = Literal["sum", "ratio", "growth", "compound", "score", "payback"]
Kind = Literal["percent", "money", "integer", "points", "times", "months", "decimal"]
Evidence = Literal[
    "visit_days",
    "customers",
    "books",
    "surveys",
    "policies",
    "marketing",
    "valued",
    "inputs",
    "drawn",
    "streams",
    "mix",
    "bridge",
    "change",
]
Terms = Mapping[str, int]
Counters = Mapping[str, int]

DIMENSIONS: dict[Dimension, Text] = {
    "operations": _("Operations"),
    "growth": _("Growth and loyalty"),
    "profit": _("Profit"),
    "capital": _("Capital efficiency"),
    "customer": _("Customers and unit economics"),
    "moat": _("Moat"),
}


@dataclass(frozen=True)
class Definition:
    """``numerator`` and ``denominator``: coefficients of counters.

    ``gaps``: the counter of stores left out because their books have gaps. ``years``: of a compound
    rate. ``benchmark``: a figure to hold it against with its source; ``target``: the metric's name
    in delivered targets.
    """

    key: str
    dimension: Dimension
    label: Text
    formula: Text
    kind: Kind
    shape: Shape
    evidence: Evidence
    numerator: Terms
    denominator: Terms
    window: Text
    version: int = 1
    better: Literal["up", "down", "none"] = "up"
    years: int = 0
    gaps: str = ""
    target: str = ""
    benchmark: tuple[float, Text] | None = None

    @property
    def additive(self) -> bool:
        return self.shape == "sum" and self.evidence != "inputs"

    def parts(self, counters: Counters) -> tuple[int, int]:
        """Numerator and denominator of a unit; a sum has the denominator 1."""
        above = sum(weight * counters.get(name, 0) for name, weight in self.numerator.items())
        below = sum(weight * counters.get(name, 0) for name, weight in self.denominator.items())
        return above, below if self.denominator else 1

    def value(self, counters: Counters) -> float | None:
        """The figure of a unit; None where it is not defined, never 0 in its place."""
        return self.of_parts(*self.parts(counters))

    def of_parts(self, above: float, below: float) -> float | None:
        match self.shape:
            case "sum":
                return float(above)
            case "growth":
                return formulas.growth(above, below)
            case "compound":
                return formulas.cagr(below, above, self.years)
            case "score":
                return None if below <= 0 else 100.0 * above / below
            case _:
                return formulas.ratio(above, below)

    @property
    def digest(self) -> str:
        """Changes with the arithmetic, whether or not somebody raised the version."""
        facts = [
            *(self.key, self.shape, self.years, sorted(self.numerator.items())),
            *(sorted(self.denominator.items()), self.evidence, self.version),
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


MONTH, YEAR = _("the month"), _("twelve months")
BOOKS_YEAR = _("twelve booked months")
COURSE = _("capital-market course")
