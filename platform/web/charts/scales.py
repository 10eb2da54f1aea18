"""Axes: units that people read (万, 亿 or k, m), round ticks, room that a label needs."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _

from web import formats

Kind = Literal["money", "count", "percent", "days", "km", "decimal"]

TEXT_SIZE = 12.0
# Widths of a character in units of the text size, a little generous: fonts differ by system.
_NARROW, _WIDE = 0.58, 1.02

Steps = tuple[tuple[float, str], ...]
_ZH_STEPS: Steps = ((1e8, "亿"), (1e4, "万"))
_EN_STEPS: Steps = ((1e9, "bn"), (1e6, "m"), (1e3, "k"))


@dataclass(frozen=True)
class Unit:
    """Values are divided by ``divisor`` before drawing; ``label`` stands at the axis."""

    kind: Kind
    divisor: float
    label: str
    suffix: str = ""

    def shown(self, value: float) -> float:
        return value / self.divisor

    def tick(self, value: float, step: float) -> str:
        """A tick of the axis, in the unit, with as many decimals as the step needs."""
        # A step of 2.5 needs one decimal although its magnitude does not.
        digits = next((d for d in range(7) if abs(step * 10**d - round(step * 10**d)) < 1e-6), 6)
        text = f"{abs(value):,.{digits}f}{self.suffix}"
        return f"{formats.MINUS}{text}" if value < 0 and abs(value) > 1e-9 else text

    def short(self, value: float) -> str:
        """Like :meth:`exact`, but without a currency sign, for use under an axis that has one."""
        return formats.compact(value / 100) if self.kind == "money" else self.exact(value)

    def exact(self, value: float | None) -> str:
        """A value as text beside or in the chart and in its table."""
        if value is None:
            return formats.NOT_KNOWN
        match self.kind:
            case "money":
                return formats.money(round(value))
            case "percent":
                return formats.percent(value)
            case "decimal":
                return formats.decimal(value, 2)
            case "count" if value != round(value):
                return formats.decimal(value, 1)
            case _:
                return formats.integer(value)


def axis_unit(kind: Kind, values: Iterable[float], noun: str = "", currency: str = "CNY") -> Unit:
    """The unit in which the largest of ``values`` has few digits; percent ticks carry their sign.

    Values: money in fen, percent as shares of 1, the rest as they are. ``noun`` says what is
    counted (``台次``, ``visits``).
    """
    largest = max((abs(v) for v in values), default=0.0)
    if kind == "percent":
        return Unit(kind, 0.01, noun, "%")
    if kind == "days":
        return Unit(kind, 1, noun or _("days"))
    if kind == "decimal":
        return Unit(kind, 1, noun)
    if kind == "money":
        step, word = _step(largest / 100)
        return Unit(kind, 100 * step, _money_label(word, currency))
    step, word = _step(largest)
    noun = noun or (_("km") if kind == "km" else "")
    label = f"{word}{noun}" if formats.in_chinese() else f"{word} {noun}".strip()
    return Unit(kind, step, label)


def _step(largest: float) -> tuple[float, str]:
    steps = _ZH_STEPS if formats.in_chinese() else _EN_STEPS
    return next(((size, word) for size, word in steps if largest >= size), (1.0, ""))


def _money_label(word: str, currency: str) -> str:
    if formats.in_chinese() and currency == "CNY":
        return f"{word}元"
    return f"{formats.symbol_of(currency).strip()} {word}".strip()


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About ``count`` round ticks (1, 2, 2.5 or 5 × 10ⁿ apart) that enclose ``low`` to ``high``."""
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"An axis needs finite ends, got {low} to {high}.")
    if high - low < 1e-9 * max(abs(low), 1.0):
        high = low + max(abs(low), 1.0)
    rough = (high - low) / max(count - 1, 1)
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough * 0.999) * magnitude
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def text_width(text: str, size: float = TEXT_SIZE) -> float:
    """Room for ``text`` in user units, estimated: CJK characters are twice as wide as others."""
    return size * sum(_WIDE if ord(c) >= 0x2E80 else _NARROW for c in text)


def wrapped(text: str, room: float, lines: int = 2) -> list[str] | None:
    """``text`` in at most ``lines`` lines no wider than ``room``; None if it cannot be done."""
    # Chinese breaks anywhere; words of other scripts stay whole.
    parts: list[str] = []
    for word in text.split(" "):
        chunks = list(word) if any(ord(c) >= 0x2E80 for c in word) else [word]
        parts += [chunks[0] if not parts else " " + chunks[0], *chunks[1:]] if chunks else []
    result = [""]
    for part in parts:
        if text_width(result[-1] + part) <= room:
            result[-1] += part
        else:
            result.append(part.lstrip())
    fits = len(result) <= lines and all(text_width(line) <= room for line in result)
    return [line for line in result if line] if fits else None


def shortened(text: str, room: float) -> str:
    """``text``, cut with an ellipsis where it is wider than ``room``."""
    if text_width(text) <= room:
        return text
    kept = text
    while kept and text_width(kept + "…") > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def thinned(labels: Sequence[str], room: float) -> list[int]:
    """Indices of evenly spaced labels that fit into ``room`` without touching."""
    if not labels:
        return []
    widest = max(text_width(label) for label in labels) + TEXT_SIZE
    step = max(1, math.ceil(len(labels) * widest / max(room, 1.0)))
    return list(range(0, len(labels), step))
