"""Bands that put a figure into words: good, fair, to improve. They are data a group may edit.

The scales of :data:`DEFAULT_SCALES` are the source course's. Where its bands share an end point,
overlap or leave a gap, one rule decides: **a lower bound belongs to its band, and the best band
begins strictly above its bound** (90% retention is good, not excellent), except where the source
says "at least" (NPS 80). A gap stays a gap: :meth:`Scale.find` answers ``None``. Rates are
fractions, NPS is in points.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from valuation.refusals import MISSING, Refusal, Refused, as_number, gettext_noop

Level = Literal["good", "fair", "improve"]

UNKNOWN_LEVEL = gettext_noop("%(field)s must be good, fair or improve, not %(value)s.")
OVERLAP = gettext_noop("%(field)s overlaps the band below it or is empty.")


@dataclass(frozen=True)
class Band:
    """Values from ``low`` to ``high``; open ends are infinite. ``advice`` is the source's."""

    name: str
    level: Level
    low: float = -math.inf
    high: float = math.inf
    low_inclusive: bool = True
    high_inclusive: bool = False
    advice: str = ""

    def holds(self, value: float) -> bool:
        above = value > self.low or (self.low_inclusive and value == self.low)
        below = value < self.high or (self.high_inclusive and value == self.high)
        return above and below


@dataclass(frozen=True)
class Scale:
    """Bands of one indicator, best first, that do not overlap."""

    indicator: str
    bands: tuple[Band, ...]

    def __post_init__(self) -> None:
        wrong = [
            Refusal(f"{self.indicator}.{upper.name}", OVERLAP)
            for upper, lower in zip(self.bands, self.bands[1:], strict=False)
            if _overlap(upper, lower)
        ]
        if wrong:
            raise Refused(wrong)

    def find(self, value: float | None) -> Band | None:
        """The band of ``value``; ``None`` for no value and in a gap between bands."""
        if value is None:
            return None
        return next((band for band in self.bands if band.holds(value)), None)


def _overlap(upper: Band, lower: Band) -> bool:
    if upper.low == lower.high:
        return upper.low_inclusive and lower.high_inclusive
    return upper.low < lower.high or upper.low >= upper.high


def _falling(
    indicator: str, *steps: tuple[str, Level, float], top_inclusive: bool = False
) -> Scale:
    """A scale without gaps: each step is (name, level, lower bound), best first."""
    bands: list[Band] = []
    high, high_inclusive = math.inf, False
    for rank, (name, level, low) in enumerate(steps):
        inclusive = top_inclusive or rank > 0
        bands.append(Band(name, level, low, high, inclusive, high_inclusive))
        high, high_inclusive = low, not inclusive
    return Scale(indicator, tuple(bands))


EXCELLENT, GOOD, FAIR = gettext_noop("excellent"), gettext_noop("good"), gettext_noop("fair")
IMPROVE, POOR = gettext_noop("to improve"), gettext_noop("poor")
LOWEST = -math.inf

RETENTION = _falling(
    "retention", (EXCELLENT, "good", 0.90), (GOOD, "good", 0.80), (IMPROVE, "improve", LOWEST)
)
NDR = _falling("ndr", (EXCELLENT, "good", 1.20), (GOOD, "good", 1.0), (IMPROVE, "improve", LOWEST))
# The source calls everything below 5% a loss, though 0 to 5% is positive: "weak" is what it is.
EBITDA_MARGIN = _falling(
    "ebitda_margin",
    (EXCELLENT, "good", 0.25),
    (GOOD, "good", 0.15),
    (FAIR, "fair", 0.05),
    (gettext_noop("weak"), "improve", LOWEST),
)
ROIC = Scale(
    "roic",
    (
        Band(gettext_noop("outstanding"), "good", 0.25, low_inclusive=False, advice="strong buy"),
        Band(EXCELLENT, "good", 0.18, 0.25, high_inclusive=True, advice="worth investing"),
        Band(GOOD, "good", 0.12, 0.18, advice="can invest"),
        Band(FAIR, "fair", 0.08, 0.12, advice="wait"),
        Band(POOR, "improve", high=0.08, advice="avoid"),
    ),
)
LTV_CAC = _falling(
    "ltv_cac",
    (EXCELLENT, "good", 5.0),
    (gettext_noop("healthy"), "good", 3.0),
    (gettext_noop("barely profitable"), "fair", 1.0),
    (gettext_noop("stop"), "improve", LOWEST),
)
NPS = _falling(
    "nps",
    (gettext_noop("world class"), "good", 80.0),
    (EXCELLENT, "good", 70.0),
    (GOOD, "good", 50.0),
    (FAIR, "fair", 30.0),
    (POOR, "improve", LOWEST),
    top_inclusive=True,
)
# The source leaves 1.5 to 2 without a name and nothing below 0.8.
FIXED_ASSET_TURNOVER = Scale(
    "fixed_asset_turnover",
    (
        Band(gettext_noop("light assets"), "good", 3.0),
        Band(gettext_noop("medium assets"), "fair", 2.0, 3.0),
        Band(gettext_noop("heavy assets"), "improve", 0.8, 1.5, high_inclusive=True),
    ),
)
DEFAULT_SCALES = {
    scale.indicator: scale
    for scale in (RETENTION, NDR, EBITDA_MARGIN, ROIC, LTV_CAC, NPS, FIXED_ASSET_TURNOVER)
}

GROSS_MARGIN_RANGES: dict[str, tuple[float, float]] = {
    "luxury": (0.45, 0.55),
    "nev_direct": (0.35, 0.45),
    "joint_venture": (0.30, 0.40),
    "independent_chain": (0.25, 0.35),
    "quick_repair": (0.15, 0.25),
}
"""Typical gross margin by kind of business: they overlap, so they are no scale of quality."""


def gross_margin_position(kind: str, margin: float) -> Literal["below", "within", "above"]:
    """Where ``margin`` lies against the typical range of its ``kind`` of business."""
    low, high = GROSS_MARGIN_RANGES[kind]
    if margin < low:
        return "below"
    return "above" if margin > high else "within"


def parse_scale(indicator: str, data: Sequence[Mapping[str, Any]]) -> Scale:
    """A group's own scale: a list of {name, level, low?, high?}, best first.

    Lower bounds are inclusive unless ``low_inclusive`` is false. Raises
    :class:`valuation.refusals.Refused` for unknown levels, bounds that are no numbers, overlaps.
    """
    refusals: list[Refusal] = []
    bands: list[Band] = []
    for rank, row in enumerate(data):
        place = f"{indicator}[{rank}]"
        bounds = {"low": -math.inf, "high": math.inf}
        for end in bounds:
            if row.get(end) is not None:
                bound = as_number(f"{place}.{end}", row[end])
                if isinstance(bound, Refusal):
                    refusals.append(bound)
                else:
                    bounds[end] = bound
        if not row.get("name"):
            refusals.append(Refusal(f"{place}.name", MISSING))
        level = row.get("level")
        if level not in get_args(Level):
            refusals.append(Refusal(f"{place}.level", UNKNOWN_LEVEL, {"value": repr(level)}))
            continue
        bands.append(
            Band(
                name=str(row.get("name", "")),
                level=cast(Level, level),
                low=bounds["low"],
                high=bounds["high"],
                low_inclusive=bool(row.get("low_inclusive", True)),
                high_inclusive=bool(row.get("high_inclusive", False)),
                advice=str(row.get("advice", "")),
            )
        )
    if refusals:
        raise Refused(refusals)
    return Scale(indicator, tuple(bands))
