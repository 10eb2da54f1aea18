"""A structure over a cut pool: what it reads, who may see it, and the pool's life since the cut."""

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from organization.access import entered
from tests.factories import make_visit
from tests.valuation.score_sets import AS_OF, make_fit, make_score, make_score_set
from valuation.engine import create_valuation
from valuation.models import Pool, PoolMember, Pseudonym, Structure
from valuation.pools.actuals import actuals_of
from valuation.pools.basis import basis_of
from valuation.pools.cut import cut_pool
from valuation.pools.rules import PoolRules
from valuation.refusals import Refused
from valuation.structure.collections import Collections
from valuation.structure.performance import performance
from valuation.structure.sources import NotVisible, collections_of
from valuation.structure.study import Study
from valuation.structure.terms import Terms

MONTH = timedelta(days=30.4375)


def cut(portfolio, valued, suffix="", name="pool") -> Pool:
    group = portfolio.group
    with entered(group.system) as system:
        return cut_pool(system, basis_of(valued), PoolRules(), group.units[suffix], name)


@pytest.fixture
def pool(portfolio, valued) -> Pool:
    return cut(portfolio, valued)


def text_of(response) -> str:
    return response.content.decode()


def of_pool(client, pool, **query):
    return client.get(reverse("structure_of_pool", args=[pool.pk]), query)


class TestSource:
    def read(self, portfolio, **source):
        with entered(portfolio.group.system) as system:
            return collections_of(system, {"kind": "pool", **source})

    def test_collections_are_the_pools_margin_less_cost(self, portfolio, pool):
        found = self.read(portfolio, pool=pool.pk)
        margin, cost = pool.monthly["margin_fen"], pool.monthly["cost_fen"]
        assert found.amounts == tuple((m - c) / 100 for m, c in zip(margin, cost, strict=True))
        assert (found.as_of, found.customers) == (AS_OF, 3)
        assert found.members_hash == pool.members_hash

    def test_survival_is_that_of_its_customers(self, portfolio, pool):
        # Three customers never leave, but one car goes after twelve months.
        found = self.read(portfolio, pool=pool.pk)
        assert found.survival_is == "alive"
        assert found.survival[11:13] == pytest.approx((1.0, 2 / 3))

    def test_the_largest_store_and_brand_come_from_its_strata(self, portfolio, pool):
        found = self.read(portfolio, pool=pool.pk)
        largest = max(row["value_fen"] for row in pool.strata["store"])
        assert found.largest_store == pytest.approx(largest / pool.value_fen)
        assert found.largest_brand >= found.largest_store

    def test_a_pool_that_is_not_there(self, portfolio, pool):
        with pytest.raises(NotVisible):
            self.read(portfolio, pool=pool.pk + 1)

    def test_another_content_than_was_saved_is_refused(self, portfolio, pool):
        with pytest.raises(Refused, match="hash"):
            self.read(portfolio, pool=pool.pk, members_hash="0" * 64)


class TestPage:
    def test_the_pool_offers_it(self, pool, client_of):
        page = text_of(client_of("analyst").get(reverse("pool", args=[pool.pk])))
        assert reverse("structure_of_pool", args=[pool.pk]) in page

    def test_names_pool_cut_and_hash(self, pool, client_of):
        response = of_pool(client_of("auditor"), pool)
        said = dict(response.context["facts"]).values()
        assert response.status_code == 200
        assert {"pool", pool.members_hash[:16]} <= set(said)
        assert reverse("pool", args=[pool.pk]) in text_of(response)

    def test_attrition_can_be_stressed(self, pool, client_of):
        base = of_pool(client_of("ceo"), pool).context["study"]
        worse = of_pool(client_of("ceo"), pool, set=1, attrition=2).context["study"]
        assert sum(worse.run.collections) < sum(base.run.collections)

    def test_who_does_not_see_the_pool_gets_no_structure_of_it(self, pool, other_group, client_of):
        assert of_pool(client_of("store_manager"), pool).status_code == 404
        assert of_pool(client_of("ceo", other_group), pool).status_code == 404
        assert of_pool(client_of("advisor"), pool).status_code == 403

    def test_a_store_manager_structures_the_pool_of_the_own_store(
        self, portfolio, valued, client_of
    ):
        own = cut(portfolio, valued, "-S1", "own")
        assert of_pool(client_of("store_manager"), own).status_code == 200

    def test_is_saved_with_the_very_pool(self, portfolio, pool, client_of):
        address = reverse("structure_of_pool", args=[pool.pk])
        sent = {"set": "1", "name": "首期", "a_share": "50"}
        assert client_of("analyst").post(address, sent).status_code == 302
        with entered(portfolio.group.system):
            made = Structure.objects.get()
            assert made.unit == portfolio.group.units[""]
            assert made.source == {
                "kind": "pool",
                "pool": pool.pk,
                "members_hash": pool.members_hash,
                "input_hash": pool.terms["input_hash"],
            }
        page = client_of("auditor").get(reverse("structure", args=[made.pk]))
        assert page.context["study"].terms.a_share == 0.5
        listed = client_of("auditor").get(reverse("pool", args=[pool.pk])).context["structures"]
        assert [row.pk for row in listed.rows] == [made.pk]

    def test_a_new_version_keeps_the_source(self, portfolio, pool, client_of):
        client = client_of("analyst")
        client.post(reverse("structure_of_pool", args=[pool.pk]), {"set": "1", "name": "a"})
        with entered(portfolio.group.system):
            first = Structure.objects.get()
        sent = {"set": "1", "a_share": "30", "source": "{}", "pool": "0"}
        client.post(reverse("structure", args=[first.pk]), sent)
        with entered(portfolio.group.system):
            newest = Structure.objects.order_by("-version").first()
        assert newest.version == 2
        assert newest.source == first.source

    def test_the_list_makes_one_at_the_pools_unit(self, portfolio, valued, client_of):
        own = cut(portfolio, valued, "-S1", "own")
        sent = {"name": "三期", "unit": "XQ", "pool": own.pk}
        assert client_of("analyst").post(reverse("structures"), sent).status_code == 302
        with entered(portfolio.group.system):
            made = Structure.objects.get()
            assert (made.unit_id, made.source["pool"]) == (own.unit_id, own.pk)

    def test_the_list_refuses_a_pool_one_does_not_see(self, portfolio, pool, client_of):
        sent = {"name": "三期", "unit": "XQ-S1", "pool": pool.pk}
        assert client_of("store_manager").post(reverse("structures"), sent).status_code == 403
        sent |= {"pool": pool.pk + 1}
        assert client_of("analyst").post(reverse("structures"), sent).status_code == 400

    def test_flows_of_a_unit_are_saved_with_their_valuation(self, portfolio, valued, client_of):
        address = reverse("structure_draft", args=["XQ"])
        client_of("analyst").post(address, {"set": "1", "name": "x"})
        with entered(portfolio.group.system):
            source = Structure.objects.get().source
        assert (source["valuation"], source["input_hash"]) == (valued.pk, valued.input_hash)

    def test_its_source_cannot_be_changed_in_sql(self, portfolio, pool, client_of):
        client_of("analyst").post(
            reverse("structure_of_pool", args=[pool.pk]), {"set": "1", "name": "a"}
        )
        with (
            entered(portfolio.group.system),
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("update valuation_structure set source = '{}'")


class TestTestedAgain:
    def test_there_is_nothing_to_test_at_the_valuation_of_the_cut(self, pool, client_of):
        assert of_pool(client_of("analyst"), pool).context["retested"] == ""

    def test_a_newer_valuation_says_who_still_qualifies(self, portfolio, pool, client_of):
        group, later = portfolio.group, date(2025, 7, 1)
        with entered(group.system):
            score_set = make_score_set(group, later)
            fit = make_fit(score_set)
            # Of three members two are scored again; the third is nobody's customer any more.
            for customer in (portfolio.steady, portfolio.capped):
                make_score(score_set, fit, customer)
        create_valuation(group.system, later)
        client = client_of("analyst")
        client.cookies["django_language"] = "en"
        said = of_pool(client, pool).context["retested"]
        assert "66.7%" in said


class TestActuals:
    """Visits after the cut, at 400 yuan of margin in 1,000 of revenue."""

    def visit(self, portfolio, customer, days, fen=100_000, **values):
        with entered(portfolio.group.system):
            make_visit(portfolio.group, customer, AS_OF + timedelta(days=days), fen, **values)

    def test_nothing_before_a_month_has_passed(self, portfolio, pool):
        found = actuals_of(pool)
        assert (found.revenue_fen, found.net) == ((), ())
        # The last visit known is from before the cut.
        assert found.through < AS_OF

    def test_counts_whole_months_of_members_only(self, portfolio, pool):
        for customer in (portfolio.steady, portfolio.capped, portfolio.fleet):
            self.visit(portfolio, customer, 75)
        self.visit(portfolio, portfolio.steady, 10, ro_no="A")
        self.visit(portfolio, portfolio.steady, 10, ro_no="B")
        found = actuals_of(pool)
        # 76 days are two whole months; the visits of day 75 fall into the third.
        assert found.visits == (1, 0)
        assert found.revenue_fen == (200_000, 0)
        assert found.through == AS_OF + timedelta(days=75)

    def test_a_credit_nets_its_original(self, portfolio, pool):
        self.visit(portfolio, portfolio.steady, 70)
        self.visit(portfolio, portfolio.steady, 5, 80_000, ro_no="A")
        self.visit(
            portfolio, portfolio.steady, 20, -30_000, ro_no="C", status="credit",
            original_ro_no="A",
        )  # fmt: skip
        assert actuals_of(pool).revenue_fen == (50_000, 0)

    def test_a_silent_store_does_not_hold_up_the_others(self, portfolio, pool):
        self.visit(portfolio, portfolio.steady, 70)
        assert actuals_of(pool).through == AS_OF + timedelta(days=70)

    def test_revenue_becomes_margin_after_cost(self, portfolio, pool):
        self.visit(portfolio, portfolio.steady, 3, 500_000)
        self.visit(portfolio, portfolio.steady, 40)
        found = actuals_of(pool)
        assert not found.measured
        monthly, service = pool.monthly, pool.terms["service_cost_rate"]
        rate = sum(monthly["margin_fen"]) / sum(monthly["revenue_fen"])
        retention = monthly["cost_fen"][0] - service * monthly["margin_fen"][0]
        assert found.net[0] == pytest.approx((500_000 * rate * (1 - service) - retention) / 100)

    def test_says_how_many_were_erased(self, portfolio, pool):
        with entered(portfolio.group.system):
            Pseudonym.objects.filter(customer=portfolio.fleet).delete()
        assert actuals_of(pool).erased == 1

    def test_everybody_who_sees_the_pool_sees_the_same(self, portfolio, valued, client_of):
        own = cut(portfolio, valued, "-S1", "own")
        self.visit(portfolio, portfolio.steady, 40)
        # The member's later visit at another store counts, though its manager sees it not.
        with entered(portfolio.group.system):
            store = portfolio.group.units["-S4"]
            values = {"store": store, "ro_no": "elsewhere"}
            visit = make_visit(portfolio.group, portfolio.steady, AS_OF + timedelta(days=5))
            type(visit).objects.filter(pk=visit.pk).update(**values)
        page = client_of("store_manager").get(reverse("pool", args=[own.pk]))
        assert [row["visits"] for row in page.context["held"].rows] == [1]

    def test_the_deal_shows_its_triggers_so_far(self, portfolio, pool, client_of):
        self.visit(portfolio, portfolio.steady, 100, 100)
        page = of_pool(client_of("analyst"), pool, set=1, plan=0.8, plan_after=3)
        held, states = page.context["held"], page.context["held_triggers"]
        assert [row["cumulative"] for row in held.rows] == [0.0, 0.0, 0.0]
        assert [t.first for t in states.rows if t.measure == "collections"] == [3]
        assert "3" in states.columns[-1].text(states.rows[-1])


FLAT = Collections("flat", (100.0,) * 24)
DEAL = Terms(horizon=24, months=18, plan=0.8, plan_after=2, oc=0.0)


class TestPerformance:
    def test_as_expected_is_the_plan(self):
        found = performance(Study(DEAL, FLAT), [100.0] * 6)
        assert [one.cumulative for one in found.months] == [1.0] * 6
        assert [one.a_bal for one in found.months] == [one.a_planned for one in found.months]
        assert found.triggers[0].first is None
        assert found.triggers[0].headroom == pytest.approx(0.2)

    def test_a_shortfall_trips_in_its_second_month(self):
        found = performance(Study(DEAL, FLAT), [100.0, 50.0, 50.0, 60.0])
        # 100 %, 75 %, 66.7 %, 65 %: below 80 % for the second month running in month 3.
        assert [round(one.cumulative, 3) for one in found.months] == [1.0, 0.75, 0.667, 0.65]
        assert found.triggers[0].first == 3
        assert [one.triggered for one in found.months] == [False, False, True, True]

    def test_what_has_not_happened_yet_trips_nothing(self):
        found = performance(Study(DEAL, FLAT), [100.0, 50.0])
        assert found.triggers[0].first is None
        assert found.triggers[0].lowest == pytest.approx(0.75)

    def test_months_beyond_the_deal_are_left_out(self):
        assert len(performance(Study(DEAL, FLAT), [100.0] * 30).months) == 24

    def test_nothing_yet(self):
        assert performance(Study(DEAL, FLAT), []).triggers == ()


def test_a_cut_pool_keeps_its_members_when_visits_come(portfolio, pool):
    with entered(portfolio.group.system):
        make_visit(portfolio.group, portfolio.steady, date(2025, 6, 1))
        assert PoolMember.objects.filter(pool=pool).count() == pool.customers
