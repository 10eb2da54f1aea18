"""The monthly collections a deal is laid over, and reading them from pasted lines. Pure."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from valuation.refusals import Refusal, Refused, as_number, gettext_noop
from valuation.structure.deals import MAX_AMOUNT, MAX_PERIODS

NOTHING_COLLECTED = gettext_noop("%(field)s: all %(value)s months are empty.")
BAD_LINE = gettext_noop("line %(field)s: expected an amount or “amount, survival”, not %(value)s.")
TOO_MANY = gettext_noop("%(field)s: %(value)s months are more than the %(high)s that a deal runs.")
OUTSIDE = gettext_noop("line %(field)s: %(value)s is outside %(low)s to %(high)s.")
SOME_SURVIVAL = gettext_noop("%(field)s: give the survival on every line or on none.")
RISES = gettext_noop("line %(field)s: the survival %(value)s is higher than on the line before.")


@dataclass(frozen=True)
class Collections:
    """Monthly amounts (n yuan) of a pool, and what is known of it.

    ``survival``: S(1..n) in (0, 1], never rising, or None. ``largest_store`` and ``largest_brand``:
    shares of the value that one store or brand stands for. ``valuation_id``, ``pool_id``,
    ``pool_name``, ``members_hash``: what the amounts are of, where they are stored.
    """

    label: str
    amounts: tuple[float, ...]
    survival: tuple[float, ...] | None = None
    as_of: dt.date | None = None
    customers: int | None = None
    model_version: str = ""
    input_hash: str = ""
    approved: bool = False
    largest_store: float = 1.0
    largest_brand: float = 1.0
    survival_is: str = ""
    valuation_id: int | None = None
    pool_id: int | None = None
    pool_name: str = ""
    members_hash: str = ""

    def first(self, months: int) -> "Collections":
        """The same for a horizon of at most ``months``."""
        survival = None if self.survival is None else self.survival[:months]
        return replace(self, amounts=self.amounts[:months], survival=survival)


def parse_lines(text: str, label: str = "") -> dict[str, Any]:
    """A pasted list as a source: one line a month, ``amount`` or ``amount, survival``.

    Thousands separators are not allowed: a comma parts the columns. A first line without any
    digit is a heading. Raises :class:`valuation.refusals.Refused` naming every line at fault.
    """
    lines = [line.strip() for line in text.replace("\ufeff", "").splitlines()]
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line]
    if numbered and not any(character.isdigit() for character in numbered[0][1]):
        numbered = numbered[1:]
    if len(numbered) > MAX_PERIODS:
        too_many = {"value": len(numbered), "high": MAX_PERIODS}
        raise Refused([Refusal("collections", TOO_MANY, too_many)])
    out: list[Refusal] = []
    amounts: list[float] = []
    survival: list[float] = []
    for number, line in numbered:
        cells = [cell.strip() for cell in line.replace("\t", ",").replace(";", ",").split(",")]
        values = [_number(cell) for cell in cells]
        if len(values) > 2 or any(value is None for value in values):
            out.append(Refusal(str(number), BAD_LINE, {"value": line[:40]}))
            continue
        amount, alive = values[0], values[1] if len(values) == 2 else None
        limits = [(amount, 0.0, MAX_AMOUNT)] + ([(alive, 1e-6, 1.0)] if len(values) == 2 else [])
        for value, low, high in limits:
            if value is not None and not low <= value <= high:
                params = {"value": f"{value:g}", "low": f"{low:g}", "high": f"{high:g}"}
                out.append(Refusal(str(number), OUTSIDE, params))
        if alive is not None and survival and alive > survival[-1]:
            out.append(Refusal(str(number), RISES, {"value": f"{alive:g}"}))
        amounts.append(amount or 0.0)
        survival += [] if alive is None else [alive]
    if survival and len(survival) != len(amounts):
        out.append(Refusal("survival", SOME_SURVIVAL))
    if not out and not any(amounts):
        out.append(Refusal("collections", NOTHING_COLLECTED, {"value": len(amounts)}))
    if out:
        raise Refused(out)
    return {"kind": "given", "label": label, "amounts": amounts, "survival": survival or None}


def _number(cell: str) -> float | None:
    try:
        value = as_number("", float(cell))
    except ValueError:
        return None
    return None if isinstance(value, Refusal) else value
