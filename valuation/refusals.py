"""Refusing an input in words a person can act on: which field, what is wrong, what would be right.

Messages are English msgids with named placeholders. A page translates them by
``gettext(refusal.msgid) % refusal.params``; ``str(refusal)`` is the English sentence.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any


def gettext_noop(message: str) -> str:
    """Mark ``message`` for extraction. Numeric code must not need Django to say no."""
    return message


NOT_A_NUMBER = gettext_noop("%(field)s must be a number, not %(value)s.")
NOT_FINITE = gettext_noop("%(field)s must be a finite number, not %(value)s.")
OUT_OF_RANGE = gettext_noop("%(field)s must lie between %(low)s and %(high)s, not %(value)s.")
NOT_A_FRACTION = gettext_noop(
    "%(field)s must be a fraction from 0 to %(high)s (8%% is written 0.08), not %(value)s."
)
NOT_WHOLE = gettext_noop("%(field)s must be a whole number, not %(value)s.")
MISSING = gettext_noop("%(field)s is missing.")


@dataclasses.dataclass(frozen=True)
class Refusal:
    """One field and why its value was not accepted."""

    field: str
    msgid: str
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return self.msgid % {"field": self.field, **self.params}


class Refused(ValueError):
    """Input that was not accepted; ``refusals`` names every field at fault, not only the first."""

    def __init__(self, refusals: Iterable[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__(" ".join(str(refusal) for refusal in self.refusals))


def as_number(name: str, value: object) -> float | Refusal:
    """``value`` as a finite float; truth values and strings are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Refusal(name, NOT_A_NUMBER, {"value": repr(value)})
    try:
        number = float(value)
    except OverflowError:
        return Refusal(name, NOT_FINITE, {"value": "an integer beyond 1e308"})
    if not math.isfinite(number):
        return Refusal(name, NOT_FINITE, {"value": repr(value)})
    return number


def within(name: str, value: object, low: float, high: float) -> float | Refusal:
    """``value`` as a float in the closed range [low, high]."""
    number = as_number(name, value)
    if isinstance(number, Refusal) or low <= number <= high:
        return number
    params = {"low": f"{low:,.15g}", "high": f"{high:,.15g}", "value": repr(value)}
    return Refusal(name, OUT_OF_RANGE, params)


def as_fraction(name: str, value: object, *, closed: bool = False) -> float | Refusal:
    """``value`` as a rate in [0, 1), or [0, 1] where ``closed``; 8 for 0.08 is not converted."""
    number = as_number(name, value)
    if isinstance(number, Refusal) or 0 <= number < 1 or (closed and number == 1):
        return number
    high = "1" if closed else "below 1"
    return Refusal(name, NOT_A_FRACTION, {"high": high, "value": repr(value)})


def whole(name: str, value: object, low: int, high: int) -> float | Refusal:
    """``value`` as a whole number in [low, high]."""
    number = within(name, value, low, high)
    if isinstance(number, Refusal) or number == int(number):
        return number
    return Refusal(name, NOT_WHOLE, {"value": repr(value)})


def refuse_any(checked: Iterable[float | Refusal]) -> None:
    """Raise :class:`Refused` with every refusal among ``checked``, if there is one."""
    refusals = [item for item in checked if isinstance(item, Refusal)]
    if refusals:
        raise Refused(refusals)
