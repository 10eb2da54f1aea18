"""Pools by rule: who is in, what flows, what the band is; cut, taped and renewed."""

import os
from datetime import date

import numpy as np
import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from organization.access import entered
from tests.factories import make_customer, make_visit
from tests.valuation.score_sets import make_fit, make_score, make_score_set
from valuation.engine import create_valuation
from valuation.models import Pool, PoolCandidate, PoolMember, Pseudonym, ValuedUnit
from valuation.pools import revolving
from valuation.pools.band import pool_band, pool_sensitivities
from valuation.pools.basis import basis_of
from valuation.pools.concentration import Bucketing, capped_total, excess
from valuation.pools.cut import cut_pool
from valuation.pools.rules import PoolRules
from valuation.pools.selection import pool_flows, pool_sums, select
from valuation.refusals import Refused


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


class TestImmutable:
    """A cut pool and a stored scenario, attacked in SQL by the application and by the owner."""

    @pytest.fixture
    def pool(self, portfolio, inside):
        system, basis, _ = inside
        return cut_pool(system, basis, PoolRules(), portfolio.group.units[""], "fixed")

    @pytest.mark.parametrize("table", ["pool", "poolmember", "scenario"])
    @pytest.mark.parametrize("change", ["update {} set tenant_id = tenant_id", "delete from {}"])
    def test_not_by_the_application(self, pool, table, change):
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change.format(f"valuation_{table}"))

    @pytest.mark.parametrize("change", ["update {} set name = 'x'", "delete from {}"])
    def test_nor_by_the_owner(self, django_db_setup, change):
        url = os.environ["DATABASE_OWNER_URL"].replace("postgres://", "postgresql://", 1)
        with psycopg.connect(url) as owner:
            tenant = owner.execute(
                "insert into organization_tenant (code, name, currency, time_zone, visit_word,"
                " settings, created_at) values ('T', 'T', 'CNY', 'UTC', '', '{}', now())"
                " returning id"
            ).fetchone()
            owner.execute(
                "insert into valuation_scenario (tenant_id, name, version, kind, inputs, reason,"
                " author, created_at) values (%s, 'a', 1, 'custom', '{}', '', '', now())",
                tenant,
            )
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="written once"):
                owner.execute(change.format("valuation_scenario"))
            owner.rollback()

    def test_erasing_a_person_leaves_the_pool(self, portfolio, pool):
        Pseudonym.objects.filter(customer=portfolio.steady).delete()
        PoolCandidate.objects.filter(customer=portfolio.steady).delete()
        assert PoolMember.objects.filter(pool=pool).count() == pool.customers == 3


class TestConcentration:
    def test_the_total_that_shares_refer_to(self):
        # 60, 20, 20 with at most half: min(60, T/2) + 40 = T, so T = 80.
        assert capped_total(np.array([60, 20, 20]), 0.5) == pytest.approx(80)
        assert capped_total(np.array([10, 10]), 0.4) == 0.0

    @given(
        st.lists(st.integers(1, 10_000), min_size=30, max_size=120),
        st.sampled_from([0.3, 0.4, 0.6]),
        st.integers(0, 2**32 - 1),
    )
    @settings(max_examples=60, deadline=None)
    def test_every_share_is_within_its_limit(self, values, share, seed):
        value = np.array(values)
        rng = np.random.default_rng(seed)
        bucket = np.arange(len(value)) % 5
        order = rng.permutation(len(value))
        out = excess(value, [Bucketing("limit_store", share, bucket)], order)["limit_store"]
        kept = np.bincount(bucket[~out], value[~out], 5)
        assert kept.max() <= share * kept.sum() * (1 + 1e-9)

    def test_nobody_leaves_where_nothing_is_concentrated(self):
        value, bucket = np.full(100, 7), np.arange(100) % 10
        out = excess(value, [Bucketing("limit_store", 0.11, bucket)], np.arange(100))
        assert not out["limit_store"].any()

    def test_a_limit_that_no_pool_can_keep(self):
        value, bucket = np.full(9, 7), np.arange(9) % 3
        with pytest.raises(Refused, match=r"at least 33\.4%"):
            excess(value, [Bucketing("limit_store", 0.3, bucket)], np.arange(9))

    def test_the_excess_is_a_line_of_the_waterfall(self, portfolio, inside):
        _, basis, stores = inside
        selected = select(basis, PoolRules(limit_store=60.0), stores)
        assert sum(one.customers for one in selected.excluded) + selected.customers == 3
        largest = max(value for _, value, _ in selected.by_store.values())
        assert largest <= 0.6 * selected.value_fen


class TestRevolving:
    def test_leavers_are_replaced_in_the_order_of_a_hash(self, portfolio, valued):
        group, later = portfolio.group, date(2025, 7, 1)
        rules = PoolRules(kind="person", visits_min=3)
        with entered(group.system) as system:
            pool = cut_pool(system, basis_of(valued), rules, group.units[""], "turning")
            score_set = make_score_set(group, later)
            fit = make_fit(score_set)
            make_score(score_set, fit, portfolio.steady)
            make_score(score_set, fit, portfolio.capped, frequency=1)
            newcomers = [make_customer(group, "-S3", f"赵{i}") for i in range(4)]
            for one in newcomers:
                make_score(score_set, fit, one)
                make_visit(group, one, date(2025, 6, 1))
        again, _ = create_valuation(group.system, later)
        with entered(group.system) as system:
            basis = basis_of(again)
            found = revolving.tested_again(pool, basis)
            assert found.stayed.tolist() == [portfolio.steady.pk]
            assert found.left == 1
            # The one who left was worth less than one newcomer.
            assert len(found.joined) == 1
            assert found.short_fen == 0
            made = revolving.replace_leavers(system, pool, basis, "turned")
            assert (made.customers, made.replaces_id) == (2, pool.pk)
            assert sum(made.monthly["present_value_fen"]) == made.value_fen
            assert made.value_fen >= pool.value_fen
