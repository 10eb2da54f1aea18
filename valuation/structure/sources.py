"""Where the collections of a deal come from: one interface for all kinds of source.

``collections_of(access, source)`` answers with monthly yuan amounts. A source is a small JSON
object: ``{"kind": "unit", "code": …, "valuation": id}`` for the expected flows of a unit in a
valuation, ``{"kind": "pool", "pool": id}`` for those of a cut pool, ``{"kind": "given", "amounts":
[…], "survival": […] or null}`` for a pasted or uploaded list. What is saved names the very
valuation or pool and its hash (:func:`pinned`), so that a deal does not move under its investors.
"""

from collections.abc import Callable, Mapping
from typing import Any

from organization.access import Access
from valuation.models import Pool, Valuation, ValuedUnit
from valuation.refusals import Refusal, Refused, gettext_noop
from valuation.structure.collections import NOTHING_COLLECTED, Collections
from valuation.units import Tree

Source = Mapping[str, Any]

UNKNOWN_SOURCE = gettext_noop("%(field)s is not a known kind of source: %(value)s.")
NOT_VALUED = gettext_noop("%(field)s: there is no valuation with the flows of unit %(value)s.")
OTHER_CONTENT = gettext_noop(
    "%(field)s is no longer what this structure was laid over: its hash is not %(value)s."
)

Reader = Callable[[Access, Source], Collections]


class NotVisible(LookupError):
    """The source does not exist, or not for this access: the two are not told apart."""


def collections_of(access: Access, source: Source) -> Collections:
    """Read a source within ``access``.

    Raises :class:`valuation.refusals.Refused` for one that is unknown, empty or altered, and
    :class:`NotVisible` for a pool that ``access`` does not see.
    """
    kind = source.get("kind")
    if kind not in READERS:
        raise Refused([Refusal("source", UNKNOWN_SOURCE, {"value": repr(kind)})])
    found = READERS[kind](access, source)
    if not any(found.amounts):
        raise Refused([Refusal("collections", NOTHING_COLLECTED, {"value": len(found.amounts)})])
    for name in ("members_hash", "input_hash"):
        if source.get(name, getattr(found, name)) != getattr(found, name):
            raise Refused([Refusal("source", OTHER_CONTENT, {"value": str(source[name])[:12]})])
    return found


def pinned(source: Source, found: Collections) -> dict[str, Any]:
    """``source`` as it is saved: with the valuation or pool that was ``found``, and its hash."""
    if source["kind"] == "unit":
        named = {"valuation": found.valuation_id, "input_hash": found.input_hash}
    elif source["kind"] == "pool":
        named = {"members_hash": found.members_hash, "input_hash": found.input_hash}
    else:
        named = {}
    return {**source, **named}


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
    store, brand = _largest(access, valued)
    return Collections(
        label=valued.unit.name,
        amounts=_net(monthly),
        survival=survival_of(monthly),
        as_of=valuation.as_of,
        customers=valued.customers,
        model_version=valuation.model_version,
        input_hash=valuation.input_hash,
        approved=hasattr(valuation, "approval"),
        largest_store=store,
        largest_brand=brand,
        survival_is="alive" if monthly.get("alive") else "visits",
        valuation_id=valuation.pk,
    )


def _net(monthly: Mapping[str, Any]) -> tuple[float, ...]:
    """Margin less service and retention cost by month, in yuan."""
    return tuple(
        max(margin - cost, 0) / 100
        for margin, cost in zip(monthly["margin_fen"], monthly["cost_fen"], strict=True)
    )


def pool_of(access: Access, source: Source) -> Pool:
    """The cut pool that a source names; raises :class:`NotVisible`."""
    rows = Pool.objects.visible_to(access).select_related("valuation__approval", "unit")
    found: Pool | None = rows.filter(pk=source.get("pool")).first()
    if found is None:
        raise NotVisible
    return found


def _of_pool(access: Access, source: Source) -> Collections:
    """Everything stands in the cut pool itself: nothing is read that could change."""
    pool = pool_of(access, source)
    return Collections(
        label=pool.name,
        amounts=_net(pool.monthly),
        survival=survival_of(pool.monthly),
        as_of=pool.valuation.as_of,
        customers=pool.customers,
        model_version=pool.terms["model_version"],
        input_hash=pool.terms["input_hash"],
        approved=hasattr(pool.valuation, "approval"),
        largest_store=_largest_stratum(pool, "store"),
        largest_brand=_largest_stratum(pool, "division"),
        survival_is="alive" if pool.monthly.get("alive") else "visits",
        valuation_id=pool.valuation_id,
        pool_id=pool.pk,
        pool_name=pool.name,
        members_hash=pool.members_hash,
    )


def _largest_stratum(pool: Pool, dimension: str) -> float:
    largest = max(row["value_fen"] for row in pool.strata[dimension])
    return min(largest / pool.value_fen, 1.0) if pool.value_fen > 0 else 1.0


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


READERS: dict[str, Reader] = {"unit": _of_unit, "pool": _of_pool, "given": _given}
