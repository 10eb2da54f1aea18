"""Which bands hold for a unit: its division's and car age's own, the group's own, the course's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from organization.access import Access
from organization.models import Unit
from valuation.bands import DEFAULT_SCALES, Band, Scale, parse_scale
from valuation.indicators.records import BandSet

Key = tuple[str, int | None, str]


@dataclass(frozen=True)
class Bands:
    """The newest set of each indicator, division and car age of a group."""

    sets: Mapping[Key, BandSet]

    @classmethod
    def read(cls, access: Access) -> "Bands":
        rows = (
            BandSet.objects.visible_to(access)
            .order_by("indicator", "division_id", "car_age", "-created_at", "-pk")
            .distinct("indicator", "division_id", "car_age")
        )
        return cls({(one.indicator, one.division_id, one.car_age): one for one in rows})

    def own(self, indicator: str, division: int | None, car_age: str) -> BandSet | None:
        """The most particular set of the group that holds; None where the course's does."""
        for key in (
            (indicator, division, car_age),
            (indicator, division, ""),
            (indicator, None, car_age),
            (indicator, None, ""),
        ):
            found = self.sets.get(key)
            if found is not None and found.bands:
                return found
        return None

    def scale(self, indicator: str, division: int | None, car_age: str) -> Scale | None:
        own = self.own(indicator, division, car_age)
        if own is not None:
            return parse_scale(indicator, own.bands)
        return DEFAULT_SCALES.get(indicator)

    def band(
        self, indicator: str, value: float | None, division: int | None, car_age: str
    ) -> Band | None:
        scale = self.scale(indicator, division, car_age)
        return None if scale is None else scale.find(value)


def division_of(unit: Unit, units: Mapping[int, Unit]) -> int | None:
    """The division above a unit, itself included; None for the group."""
    above: Sequence[Unit] = [units[one] for one in unit.path if one in units]
    return next((one.pk for one in above if one.level == Unit.Level.DIVISION), None)
