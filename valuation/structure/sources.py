"""Where the collections of a deal come from: one interface for all kinds of source.

``collections_of(access, source)`` answers with monthly yuan amounts. A source is a small JSON
object: ``{"kind": "unit", "code": …, "valuation": id}`` for the expected flows of a unit in a
valuation, ``{"kind": "given", "amounts": […], "survival": […] or null}`` for a pasted or uploaded
list. Further kinds (a cut pool) register a reader in :data:`READERS`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from organization.access import Access
from valuation.models import Valuation, ValuedUnit
from valuation.refusals import Refusal, Refused, gettext_noop
from valuation.structure.collections import NOTHING_COLLECTED, Collections
from valuation.units import Tree

Source = Mapping[str, Any]

UNKNOWN_SOURCE = gettext_noop("%(field)s is not a known kind of source: %(value)s.")
NOT_VALUED = gettext_noop("%(field)s: there is no valuation with the flows of unit %(value)s.")


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
