"""Pools by rule: who is in, what flows, what the band is; cut, taped and renewed."""

import numpy as np
import pytest

from organization.access import entered
from valuation.models import Pool, PoolMember, ValuedUnit
from valuation.pools.band import pool_band, pool_sensitivities
from valuation.pools.basis import basis_of
from valuation.pools.cut import cut_pool
from valuation.pools.rules import PoolRules
from valuation.pools.selection import pool_flows, pool_sums, select


@pytest.fixture
def inside(portfolio, valued):
    """The entered group, its basis and all of its stores."""
    with entered(portfolio.group.system) as system:
        basis = basis_of(valued)
        yield system, basis, list(basis.tree.stores)


def whole(valued, group):
    return ValuedUnit.objects.get(valuation=valued, unit=group.units[""])


def test_the_pool_of_everybody_is_the_valuation(portfolio, valued, inside):
    _, basis, stores = inside
    selected = select(basis, PoolRules(), stores)
    found = pool_sums(basis, PoolRules(), stores)
    flows = pool_flows(basis, found)
    unit = whole(valued, portfolio.group)
    assert selected.value_fen == found.value_fen == unit.expected_fen
    assert selected.customers == found.customers == 3
    for line in ("revenue", "margin", "cost", "present_value"):
        assert np.abs(getattr(flows, line)[0] - unit.monthly[f"{line}_fen"]).max() <= 2
    assert flows.present_value.sum() == unit.expected_fen


def test_the_band_of_everybody_is_about_the_valuation_s(portfolio, valued, inside):
    _, basis, stores = inside
    selected = select(basis, PoolRules(), stores)
    found = pool_sums(basis, PoolRules(), stores)
    band = pool_band(pool_sensitivities(basis, PoolRules(), stores, selected, found), basis)
    unit = whole(valued, portfolio.group)
    assert band.p5 * 100 == pytest.approx(unit.p5_fen, rel=0.02)
    assert band.p95 * 100 == pytest.approx(unit.p95_fen, rel=0.02)


def test_each_customer_has_one_first_reason(portfolio, inside):
    _, basis, stores = inside
    rules = PoolRules(kind="person", consent=True, visits_min=1)
    selected = select(basis, rules, stores)
    # The fleet fails kind and consent: it counts at kind alone.
    assert [(one.reason, one.customers) for one in selected.excluded] == [
        ("kind", 1),
        ("consent", 2),
        ("visits_min", 0),
    ]
    assert selected.customers == 0
    assert selected.offered == 3


def test_a_cut_pool_sums_to_its_members(portfolio, valued, inside):
    system, basis, _ = inside
    pool = cut_pool(system, basis, PoolRules(kind="person"), portfolio.group.units[""], "people")
    members = PoolMember.objects.filter(pool=pool)
    assert pool.customers == members.count() == 2
    assert pool.value_fen == sum(one.value_fen for one in members)
    assert sum(pool.monthly["present_value_fen"]) == pool.value_fen
    assert pool.waterfall[0]["customers"] == 3
    assert [c["cohort"] for c in pool.cohorts] == ["2023-Q1"]
    assert pool.cohorts[0]["visits"][-1] == 2.0
    for table in pool.strata.values():
        assert sum(row["value_fen"] for row in table) == pool.value_fen
    assert Pool.objects.count() == 1
