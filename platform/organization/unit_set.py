"""A set of units of one tenant: some by their ids, or all there are."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class UnitSet:
    """``everything`` is the whole tenant, units that are opened tomorrow included."""

    ids: frozenset[int] = frozenset()
    everything: bool = False

    def __post_init__(self) -> None:
        if self.everything:  # one form of the whole, so that two of them are equal
            object.__setattr__(self, "ids", frozenset())

    @classmethod
    def of(cls, *ids: int) -> "UnitSet":
        return cls(frozenset(ids))

    def __contains__(self, unit_id: object) -> bool:
        return self.everything or unit_id in self.ids

    def __bool__(self) -> bool:
        return self.everything or bool(self.ids)

    def __or__(self, other: "UnitSet") -> "UnitSet":
        return UnitSet(self.ids | other.ids, self.everything or other.everything)

    def __and__(self, other: "UnitSet") -> "UnitSet":
        if self.everything:
            return other
        return self if other.everything else UnitSet(self.ids & other.ids)

    def holds_any(self, unit_ids: Iterable[int]) -> bool:
        return any(unit_id in self for unit_id in unit_ids)


NO_UNITS = UnitSet()
ALL_UNITS = UnitSet(everything=True)
