"""Pages of a long list without counting it: counting a million rows costs more than showing 50."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet


@dataclass(frozen=True)
class Slice:
    """Page ``number`` (from 1) of a list of unknown length; shaped like Django's ``Page``."""

    object_list: Sequence[Any]
    number: int
    size: int
    more: bool

    def has_next(self) -> bool:
        return self.more

    def has_previous(self) -> bool:
        return self.number > 1

    def next_page_number(self) -> int:
        return self.number + 1

    def previous_page_number(self) -> int:
        return self.number - 1

    def start_index(self) -> int:
        return (self.number - 1) * self.size + 1 if self.object_list else 0

    def end_index(self) -> int:
        return (self.number - 1) * self.size + len(self.object_list)


def page_number(raw: str | None) -> int:
    """The page asked for in the address; anything that is not a positive number means the first."""
    return max(int(raw), 1) if raw and raw.isdecimal() and len(raw) < 8 else 1


def slice_page(rows: QuerySet[Any] | Sequence[Any], number: int, size: int = 50) -> Slice:
    """Fetch one row more than ``size`` to learn whether a further page exists."""
    start = (number - 1) * size
    found = list(rows[start : start + size + 1])
    return Slice(found[:size], number, size, len(found) > size)
