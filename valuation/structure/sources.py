"""Where the collections of a deal come from: one interface for all kinds of source.

``collections_of(access, source)`` answers with monthly yuan amounts. A source is a small JSON
object: ``{"kind": "unit", "code": …, "valuation": id}`` for the expected flows of a unit in a
valuation, ``{"kind": "given", "amounts": […], "survival": […] or null}`` for a pasted or uploaded
list. Further kinds (a cut pool) register a reader in :data:`READERS`.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from organization.access import Access
from valuation.models import Valuation, ValuedUnit
from valuation.refusals import Refusal, Refused, as_number, gettext_noop
from valuation.structure.deals import MAX_AMOUNT, MAX_PERIODS
from valuation.units import Tree

Source = Mapping[str, Any]

UNKNOWN_SOURCE = gettext_noop("%(field)s is not a known kind of source: %(value)s.")
NOT_VALUED = gettext_noop("%(field)s: there is no valuation with the flows of unit %(value)s.")
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
    shares of the value that one store or brand stands for. ``facts``: what the amounts are made of.
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

    def first(self, months: int) -> "Collections":
        """The same for a horizon of at most ``months``."""
        survival = None if self.survival is None else self.survival[:months]
        changed = {"amounts": self.amounts[:months], "survival": survival}
        return Collections(**{**vars(self), **changed})


Reader = Callable[[Access, Source], Collections]


def collections_of(access: Access, source: Source) -> Collections:
    """Read a source within ``access``.

    Raises :class:`valuation.refusals.Refused` for one that is unknown, not visible or empty.
    """
    kind = source.get("kind")
    if kind not in READERS:
        raise Refused([Refusal("source", UNKNOWN_SOURCE, {"value": repr(kind)})])
    found = READERS[kind](access, source)
    if not any(found.amounts):
        raise Refused([Refusal("collections", NOTHING_COLLECTED, {"value": len(found.amounts)})])
    return found


def _of_unit(access: Access, source: Source) -> Collections:
    code = str(source.get("code", ""))
    rows = ValuedUnit.objects.visible_to(access).filter(unit__code=code)
    if source.get("valuation"):
        rows = rows.filter(valuation_id=source["valuation"])
    valued = (
        rows.select_related("valuation__approval", "unit")
        .order_by("-valuation__as_of", "-valuation__created_at")
        .first()
    )
    if valued is None:
        raise Refused([Refusal("source", NOT_VALUED, {"value": code})])
    valuation: Valuation = valued.valuation
    monthly = valued.monthly
    amounts = tuple(
        max(margin - cost, 0) / 100
        for margin, cost in zip(monthly["margin_fen"], monthly["cost_fen"], strict=True)
    )
    store, brand = _largest(access, valued)
    return Collections(
        label=valued.unit.name,
        amounts=amounts,
        survival=survival_of(monthly),
        as_of=valuation.as_of,
        customers=valued.customers,
        model_version=valuation.model_version,
        input_hash=valuation.input_hash,
        approved=hasattr(valuation, "approval"),
        largest_store=store,
        largest_brand=brand,
        survival_is="alive" if monthly.get("alive") else "visits",
    )


def survival_of(monthly: Mapping[str, Any]) -> tuple[float, ...] | None:
    """S(t) of a unit's stored months: P(alive), where it is kept, else the falling envelope of the
    expected visits, which also fall because cars grow old: on the cautious side for S^m."""
    line = monthly.get("alive") or monthly["visits"]
    if not line or line[0] <= 0:
        return None
    found: list[float] = []
    level = 1.0
    for value in line:
        level = min(level, max(value / line[0], 1e-6))
        found.append(level)
    return tuple(found)


def _largest(access: Access, valued: ValuedUnit) -> tuple[float, float]:
    """Shares of the unit's value of its largest store, and of its largest division."""
    total = valued.expected_fen
    if total <= 0:
        return 1.0, 1.0
    tree = Tree.read()
    rows = ValuedUnit.objects.visible_to(access).filter(valuation=valued.valuation)
    value = dict(rows.values_list("unit_id", "expected_fen"))
    inside = [store for store in tree.stores if valued.unit_id in store.path and store.id in value]
    if not inside:
        return 1.0, 1.0
    brands: dict[int, int] = {}
    for store in inside:
        division = tree.division_of(store).id
        brands[division] = brands.get(division, 0) + value[store.id]
    largest = max(value[store.id] for store in inside)
    return min(largest / total, 1.0), min(max(brands.values()) / total, 1.0)


def _given(access: Access, source: Source) -> Collections:
    survival = source.get("survival")
    return Collections(
        label=str(source.get("label", "")),
        amounts=tuple(source["amounts"]),
        survival=None if survival is None else tuple(survival),
        survival_is="given" if survival is not None else "",
    )


READERS: dict[str, Reader] = {"unit": _of_unit, "given": _given}


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
        params = {"value": len(numbered), "high": MAX_PERIODS}
        raise Refused([Refusal("collections", TOO_MANY, params)])
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
