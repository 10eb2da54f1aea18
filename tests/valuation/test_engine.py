"""A portfolio of three customers, valued through the database, against arithmetic on paper."""

import os
from datetime import date

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from customers.models import MarketingSpend
from ml.asof import DateRefused
from organization.access import Access, entered
from tests.factories import Group, make_visit
from tests.valuation.score_sets import AS_OF
from valuation.archive import SCALARS
from valuation.assumptions import add_version, preset
from valuation.engine import create_valuation
from valuation.models import Assumptions, Pseudonym, Valuation, ValuedCustomer, ValuedUnit

ANNUITY = sum(1.08 ** (-k / 12) for k in range(1, 61))
FIRST_YEAR = sum(1.08 ** (-k / 12) for k in range(1, 13))
KEPT = 0.9  # after a service cost of 10% of margin
# Interpolating a straight line through eight nodes in the logarithm of time costs this much.
CURVE = 2e-4


def units_of(valuation: Valuation, group: Group) -> dict[str, ValuedUnit]:
    rows = ValuedUnit.objects.filter(valuation=valuation).select_related("unit")
    return {row.unit.code.removeprefix(group.tenant.code): row for row in rows}


class TestValueOnPaper:
    def test_one_visit_in_two_months_for_five_years(self, portfolio, valued):
        with entered(portfolio.group.system):
            store = units_of(valued, portfolio.group)["-S1"]
        assert store.expected_fen / 100 == pytest.approx(0.5 * 400 * KEPT * ANNUITY, rel=CURVE)
        assert store.undiscounted_fen / 100 == pytest.approx(30 * 400 * KEPT, rel=CURVE)

    def test_cap_and_accidents(self, portfolio, valued):
        with entered(portfolio.group.system):
            store = units_of(valued, portfolio.group)["-S2"]
        accident = 10 * KEPT * FIRST_YEAR
        assert store.streams["accident"]["expected_fen"] / 100 == pytest.approx(accident, abs=0.01)
        regular = 0.5 * 400 * KEPT * FIRST_YEAR
        # At month 12 of a curve drawn for 60 the interpolation is coarser.
        assert store.streams["regular"]["expected_fen"] / 100 == pytest.approx(regular, rel=2e-3)
        assert not any(store.monthly["present_value_fen"][12:])

    def test_fleets_are_a_line_of_their_own(self, portfolio, valued):
        with entered(portfolio.group.system):
            whole = units_of(valued, portfolio.group)[""]
        assert whole.streams["organisations"]["customers"] == 1
        assert whole.streams["regular"]["customers"] == 2
        assert sum(one["expected_fen"] for one in whole.streams.values()) == whole.expected_fen

    def test_retention_cost_is_measured_from_marketing(self, portfolio):
        group = portfolio.group
        with entered(group.system):
            MarketingSpend.objects.create(
                tenant=group.tenant,
                store=group.units["-S1"],
                month=date(2024, 6, 1),
                channel="短信",
                amount_fen=36_00,
                purpose="retention",
            )
        valuation, _ = create_valuation(group.system, AS_OF)
        # 36 yuan over 12 months of three customers, all alive.
        assert valuation.notes["retention_cost_per_month"] == pytest.approx(1.0)
        with entered(group.system):
            store = units_of(valuation, group)["-S1"]
        expected = 0.5 * 400 * KEPT * ANNUITY - ANNUITY
        assert store.expected_fen / 100 == pytest.approx(expected, rel=CURVE)


class TestPartsSumToTheWhole:
    def test_children_sum_to_their_parent_to_the_fen(self, portfolio, valued):
        group = portfolio.group
        with entered(group.system):
            units = units_of(valued, group)
            for parent in units.values():
                children = [u for u in units.values() if u.unit.parent_id == parent.unit_id]
                if not children:
                    continue
                for name in ("customers", "expected_fen", "undiscounted_fen"):
                    assert getattr(parent, name) == sum(getattr(c, name) for c in children)
                for line in ("revenue_fen", "margin_fen", "cost_fen", "present_value_fen"):
                    columns = zip(*(c.monthly[line] for c in children), strict=True)
                    assert parent.monthly[line] == [sum(column) for column in columns]

    def test_monthly_present_values_sum_to_the_value(self, portfolio, valued):
        with entered(portfolio.group.system):
            for unit in units_of(valued, portfolio.group).values():
                assert sum(unit.monthly["present_value_fen"]) == unit.expected_fen

    def test_bridge_ends_at_the_value(self, portfolio, valued):
        with entered(portfolio.group.system):
            for unit in units_of(valued, portfolio.group).values():
                assert sum(bar["amount_fen"] for bar in unit.bridge) == unit.expected_fen

    def test_customers_and_cohorts_sum_to_the_unit(self, portfolio, valued):
        with entered(portfolio.group.system):
            whole = units_of(valued, portfolio.group)[""]
            lines = ValuedCustomer.objects.filter(valuation=valued).values_list("value_fen")
            assert sum(value for (value,) in lines) == whole.expected_fen
            cohorts = whole.cohorts
        assert sum(cohorts["value_fen"]) + cohorts["unseen_value_fen"] == whole.expected_fen
        assert sum(cohorts["customers"]) + cohorts["unseen_customers"] == whole.customers

    def test_a_customer_recomputes_from_its_row(self, portfolio, valued):
        cost = valued.notes["retention_cost_per_month"]
        with entered(portfolio.group.system):
            for row in ValuedCustomer.objects.filter(valuation=valued):
                one = dict(zip(SCALARS, row.scalars, strict=True))
                visits = one["discounted_visits"] * one["margin_per_visit"]
                months = one["discounted_months"]
                margin = visits + months * one["accident_margin_per_month"]
                assert margin * KEPT - months * cost == pytest.approx(
                    row.value_fen / 100, abs=0.006
                )


class TestSeedInputs:
    def test_are_the_group_s_own_data(self, portfolio, valued):
        with entered(portfolio.group.system):
            inputs = units_of(valued, portfolio.group)[""].seed_formula["inputs"]
        # Three customers paid 1,000 yuan each in 2024; all of 2023's came again.
        assert inputs["customers"] == 3
        assert inputs["annual_spend"] == 1000.0
        assert inputs["gross_margin"] == 0.4  # no cost on the orders: the default rate
        assert inputs["retention"] == 1.0
        assert inputs["years"] == 5
        assert inputs["discount_rate"] == 0.08

    def test_a_unit_that_cannot_measure_takes_the_group_s(self, portfolio, valued):
        with entered(portfolio.group.system):
            empty = units_of(valued, portfolio.group)["-S3"].seed_formula
        assert empty["inputs"]["retention"] == 1.0
        assert empty["sources"]["retention"] == "group"
        assert empty["value"] == 0


class TestOnceAndForAll:
    def test_same_inputs_same_valuation(self, portfolio, valued):
        again, created = create_valuation(portfolio.group.system, AS_OF)
        assert not created
        assert again.pk == valued.pk

    def test_a_corrected_visit_makes_a_new_valuation(self, portfolio, valued):
        with entered(portfolio.group.system):
            make_visit(portfolio.group, portfolio.steady, date(2024, 5, 1), ro_no="LATE")
        again, created = create_valuation(portfolio.group.system, AS_OF)
        assert created
        assert again.input_hash != valued.input_hash

    def test_new_assumptions_leave_the_old_valuation_alone(self, portfolio, valued):
        group = portfolio.group
        with entered(group.system):
            before = units_of(valued, group)[""].expected_fen
            values = preset(AS_OF) | {"service_cost_rate": 0.2}
            add_version(group.tenant.pk, values, reason="measured", author="test")
        again, created = create_valuation(group.system, AS_OF)
        assert created
        with entered(group.system):
            assert units_of(valued, group)[""].expected_fen == before
            after = units_of(again, group)[""].expected_fen
        assert after == pytest.approx(before * 0.8 / 0.9, rel=1e-4)

    def test_figures_do_not_depend_on_the_run(self, portfolio, valued):
        """A second valuation of equal inputs under other assumptions' version, bit for bit."""
        group = portfolio.group
        with entered(group.system):
            add_version(group.tenant.pk, preset(AS_OF), reason="the same again", author="test")
        again, created = create_valuation(group.system, AS_OF)
        assert created
        with entered(group.system):
            first, second = units_of(valued, group), units_of(again, group)
        for code, one in first.items():
            two = second[code]
            for name in ("expected_fen", "p5_fen", "p50_fen", "p95_fen", "monthly", "uncertainty"):
                assert getattr(one, name) == getattr(two, name)

    def test_pseudonyms_stay(self, portfolio, valued):
        group = portfolio.group
        with entered(group.system):
            before = set(Pseudonym.objects.values_list("customer_id", "pseudonym"))
            add_version(group.tenant.pk, preset(AS_OF), reason="again", author="test")
        create_valuation(group.system, AS_OF)
        with entered(group.system):
            assert set(Pseudonym.objects.values_list("customer_id", "pseudonym")) == before
            assert len(before) == 3


class TestImmutable:
    TABLES = ("valuation", "valuedunit", "valuedcustomer", "assumptions")

    @pytest.mark.parametrize("table", TABLES)
    @pytest.mark.parametrize("change", ["update {} set tenant_id = tenant_id", "delete from {}"])
    def test_the_application_may_not_change_it(self, portfolio, valued, table, change):
        with (
            entered(portfolio.group.system),
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change.format(f"valuation_{table}"))

    @pytest.mark.parametrize("change", ["update {} set reason = 'x'", "delete from {}"])
    def test_nor_may_the_owner(self, django_db_setup, change):
        url = os.environ["DATABASE_OWNER_URL"].replace("postgres://", "postgresql://", 1)
        with psycopg.connect(url) as owner:
            tenant = owner.execute(
                "insert into organization_tenant (code, name, currency, time_zone, visit_word,"
                " settings, created_at) values ('T', 'T', 'CNY', 'UTC', '', '{}', now())"
                " returning id"
            ).fetchone()
            owner.execute(
                "insert into valuation_assumptions (tenant_id, version, values, reason, author,"
                " created_at) values (%s, 1, '{}', '', '', now())",
                tenant,
            )
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="written once"):
                owner.execute(change.format("valuation_assumptions"))
            owner.rollback()

    def test_every_table_is_guarded(self, db):
        with connection.cursor() as cursor:
            cursor.execute(
                "select tgrelid::regclass::text from pg_trigger where tgname = 'written_once'"
            )
            guarded = {name for (name,) in cursor.fetchall()}
        others = {
            *("approval", "pool", "poolmember", "scenario", "structure"),
            *("indicatorrun", "unitindicators", "bandset", "moatinput"),
        }
        assert {f"valuation_{table}" for table in (*self.TABLES, *others)} == guarded

    def test_erasing_a_person_leaves_the_valuation(self, portfolio, valued):
        group = portfolio.group
        with entered(group.system):
            Pseudonym.objects.filter(customer=portfolio.steady).delete()
            assert ValuedCustomer.objects.filter(valuation=valued).count() == 3


class TestRefusals:
    def test_no_score_set_of_the_date(self, portfolio):
        with pytest.raises(DateRefused, match=r"retrain --as-of 2024-06-01"):
            create_valuation(portfolio.group.system, date(2024, 6, 1))
        with entered(portfolio.group.system):
            assert not Valuation.objects.exists()
            assert not Assumptions.objects.exists()

    def test_another_group_s_valuation_is_out_of_sight(self, portfolio, valued, other_group):
        with entered(Access.system(other_group.tenant.pk, "test")):
            assert not Valuation.objects.filter(pk=valued.pk).exists()
            assert not ValuedUnit.objects.exists()
