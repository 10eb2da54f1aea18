"""Rows behind a figure, and the figure that they give."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from valuation.indicators.definition import Definition
from web.shell import Text


@dataclass(frozen=True)
class Listing:
    """Rows of one kind: ``frame`` has ``above`` and ``below`` (integers) and what the kind shows.

    ``kind``: a key of :data:`valuation.lineage.rows.TITLES`, which says what it is.
    ``excluded``: reason → rows that were looked at and add nothing.
    """

    kind: str
    frame: pd.DataFrame
    excluded: dict[Text, int] = field(default_factory=dict)

    @property
    def above(self) -> int:
        return int(self.frame["above"].sum()) if len(self.frame) else 0

    @property
    def below(self) -> int:
        return int(self.frame["below"].sum()) if len(self.frame) else 0


@dataclass(frozen=True)
class Evidence:
    listings: list[Listing]
    # Of a figure that is no sum over sum.
    otherwise: Callable[[tuple[int, int]], float | None] | None = None
    # How far the figure may lie from the stored one and still agree: of a drawn one.
    within: float = 0.0

    @property
    def parts(self) -> tuple[int, int]:
        """Numerator and denominator over all rows."""
        return sum(one.above for one in self.listings), sum(one.below for one in self.listings)

    def figure(self, definition: Definition) -> float | None:
        above, below = self.parts
        if self.otherwise is not None:
            return self.otherwise((above, below))
        return definition.of_parts(above, below if definition.denominator else 1)
