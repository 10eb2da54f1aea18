"""A revolving pool: its rules asked again of a newer valuation, leavers replaced by others.

Members who still meet every rule stay. Others who meet them come in, in the order of a hash that
nobody chooses, until the pool is worth again what it was worth when it was cut, or until nobody is
left.
"""

from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from organization.access import Access
from valuation.models import Pool
from valuation.pools.basis import Basis
from valuation.pools.cut import cut_pool
from valuation.pools.rules import PoolRules
from valuation.pools.selection import eligible, select
from valuation.refusals import Refusal, Refused, gettext_noop

Integers = NDArray[np.int64]

SAME_DATE = gettext_noop(
    "This pool is of the newest valuation already: make a newer valuation first."
)
_MEMBERS = """
select p.customer_id from valuation_poolmember m
join valuation_pseudonym p on p.pseudonym = m.pseudonym where m.pool_id = %s order by 1
"""


@dataclass(frozen=True)
class Replacement:
    """Customer ids of those who stay and who come in; ``left``: members who no longer qualify or
    were erased; ``short_fen``: what the pool lacks of its value at the cut."""

    stayed: Integers
    joined: Integers
    left: int
    short_fen: int


def tested_again(pool: Pool, basis: Basis) -> Replacement:
    """Who would stay in ``pool`` and who would join, inside an entered access.

    Raises :class:`Refused` where there is no newer valuation, or for a limit that no pool can keep.
    """
    if basis.valuation.as_of <= pool.valuation.as_of:
        raise Refused([Refusal("valuation", SAME_DATE)])
    rules = PoolRules.from_dict(pool.rules)
    stores = basis.stores_of(pool.unit_id)
    selected = select(basis, rules, stores)
    customer, _store, value, order = eligible(basis, rules, stores)
    allowed = ~np.isin(customer, selected.excess)
    customer, value, order = customer[allowed], value[allowed], order[allowed]
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS, [pool.pk])
        members = np.array([row[0] for row in cursor], dtype=np.int64)
    staying = np.isin(customer, members)
    wanted = pool.value_fen - int(value[staying].sum())
    others = np.flatnonzero(~staying & (value > 0))
    others = others[np.argsort(order[others], kind="stable")]
    running = np.cumsum(value[others])
    # The first whose coming would reach the value comes as well: the pool is not worth less.
    needed = int(np.searchsorted(running, wanted)) + 1 if wanted > 0 else 0
    joined = others[:needed]
    short = max(wanted - int(value[joined].sum()), 0)
    return Replacement(
        customer[staying], customer[joined], pool.customers - int(staying.sum()), short
    )


def replace_leavers(access: Access, pool: Pool, basis: Basis, name: str) -> Pool:
    """Cut the pool that goes on from ``pool``; raises as :func:`tested_again` and ``cut_pool``."""
    found = tested_again(pool, basis)
    chosen = np.concatenate([found.stayed, found.joined]).tolist()
    rules = PoolRules.from_dict(pool.rules)
    return cut_pool(access, basis, rules, pool.unit, name, replaces=pool, chosen=chosen)
