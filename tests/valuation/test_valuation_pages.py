"""The valuation pages: who sees what, figures that reconcile, tasks, approval, designed states."""

import json
from datetime import date
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.models import MonthlyFinancials, Task
from ml.models import TrainingRun
from organization.access import Access, entered
from organization.models import AuditEvent
from tests.factories import make_customer, make_visit
from tests.valuation.score_sets import AS_OF, make_fit, make_score, make_score_set
from valuation import tasks
from valuation.assumptions import add_version, preset
from valuation.engine import create_valuation
from valuation.models import Approval, Valuation
from web import formats

BASELINE = json.loads((Path(__file__).parent / "query_counts.json").read_text())


def text_of(response) -> str:
    return response.content.decode()


class TestWhoSeesWhat:
    @pytest.mark.parametrize(
        ("person", "heading"),
        [
            ("ceo", "group XQ"),
            ("analyst", "group XQ"),
            ("auditor", "group XQ"),
            ("division_lux", "division XQ-LUX"),
            ("region_east", "region XQ-E"),
            ("store_manager", "store XQ-S1"),
        ],
    )
    def test_starts_at_the_own_unit(self, valued, client_of, person, heading):
        response = client_of(person).get(reverse("valuation_dashboard"))
        assert response.status_code == 200
        assert f"<h1>{heading}</h1>" in text_of(response)

    @pytest.mark.parametrize("person", ["advisor", "steward", "admin"])
    def test_needs_the_capability(self, valued, client_of, person):
        client = client_of(person)
        for name in ("valued_unit", "valued_cohorts", "valued_customers"):
            assert client.get(reverse(name, args=["XQ-S1"])).status_code == 403
        assert client.get(reverse("assumptions")).status_code == 403

    @pytest.mark.parametrize("code", ["XQ", "XQ-LUX", "XQ-E", "XQ-S2", "YH", "nowhere"])
    def test_units_outside_the_access_do_not_exist(self, valued, other_group, client_of, code):
        client = client_of("store_manager")
        for name in ("valued_unit", "valued_cohorts", "valued_customers"):
            assert client.get(reverse(name, args=[code])).status_code == 404

    def test_region_manager_sees_stores_of_the_region(self, valued, client_of):
        client = client_of("region_east")
        assert client.get(reverse("valued_unit", args=["XQ-S2"])).status_code == 200
        assert client.get(reverse("valued_unit", args=["XQ-S4"])).status_code == 404

    def test_signed_out_people_are_asked_to_sign_in(self, valued, client):
        assert client.get(reverse("valuation_dashboard")).status_code == 302

    def test_names_are_masked_for_the_executive(self, valued, client_of):
        page = text_of(client_of("ceo").get(reverse("valued_customers", args=["XQ-S1"])))
        assert "王**" in page
        assert "王芳" not in page

    def test_the_auditor_sees_pseudonyms_without_links(self, portfolio, valued, client_of):
        page = text_of(client_of("auditor").get(reverse("valued_customers", args=["XQ"])))
        assert "王" not in page
        assert str(portfolio.steady.uid) not in page
        assert reverse("customer", args=[portfolio.steady.uid]) not in page

    def test_another_group_sees_its_own_nothing(self, valued, other_group, client_of):
        page = text_of(client_of("ceo", other_group).get(reverse("valuation_dashboard")))
        assert "XQ" not in page


class TestFigures:
    def test_children_reconcile_to_the_parent_on_the_page(self, portfolio, valued, client_of):
        response = client_of("ceo").get(reverse("valuation_dashboard"))
        table = response.context["league"][0]
        values = [row.valued.expected_fen for row in table.rows]
        assert sum(values) == table.total.valued.expected_fen
        assert formats.money(table.total.valued.expected_fen) in text_of(response)

    def test_cohorts_sum_to_the_store(self, valued, client_of):
        response = client_of("store_manager").get(reverse("valued_cohorts", args=["XQ-S1"]))
        table = response.context["table"]
        assert sum(row.value_fen for row in table.rows) == table.total.value_fen

    def test_drill_from_cohort_to_its_customers(self, portfolio, valued, client_of):
        client = client_of("store_manager")
        cohorts = client.get(reverse("valued_cohorts", args=["XQ-S1"])).context["table"]
        page = text_of(client.get(cohorts.rows[0].href))
        assert reverse("customer", args=[portfolio.steady.uid]) in page

    def test_every_tile_has_its_lineage(self, valued, client_of):
        response = client_of("ceo").get(reverse("valuation_dashboard"))
        figures = [*response.context["operating"], *response.context["tiles"]]
        assert len(figures) == 10
        assert all(one.lineage.formula and one.lineage.as_of == AS_OF for one in figures)

    @pytest.mark.parametrize("measure", ["retention", "revenue", "value", "nonsense"])
    def test_measures_of_the_heat_map(self, valued, client_of, measure):
        address = reverse("valued_unit", args=["XQ"])
        assert client_of("ceo").get(address, {"cohort": measure}).status_code == 200


class TestTasks:
    def create(self, client, code="XQ-S1"):
        return client.post(reverse("create_task", args=[code]))

    def test_a_task_with_baseline_and_dates(self, portfolio, valued, client_of):
        assert self.create(client_of("region_east")).status_code == 302
        with entered(portfolio.group.system):
            task = Task.objects.get()
            assert (task.unit.code, task.metric, task.baseline) == ("XQ-S1", "retention", 1)
            assert task.created_by.username == "region_east"
            assert task.measure_on > task.due_on
            assert AuditEvent.objects.filter(action="task.created").count() == 1

    def test_a_second_press_makes_no_second_task(self, portfolio, valued, client_of):
        client = client_of("region_east")
        self.create(client)
        self.create(client)
        with entered(portfolio.group.system):
            assert Task.objects.count() == 1

    @pytest.mark.parametrize(("person", "status"), [("auditor", 403), ("analyst", 403)])
    def test_needs_the_capability(self, portfolio, valued, client_of, person, status):
        assert self.create(client_of(person)).status_code == status
        with entered(portfolio.group.system):
            assert not Task.objects.exists()

    def test_not_outside_the_own_units(self, portfolio, valued, client_of):
        assert self.create(client_of("region_east"), "XQ-S4").status_code == 404
        with entered(portfolio.group.system):
            assert not Task.objects.exists()

    def test_not_by_a_link(self, valued, client_of):
        assert client_of("ceo").get(reverse("create_task", args=["XQ-S1"])).status_code == 405


@pytest.fixture
def lenient(group) -> None:
    """Assumptions by which the few rows of these tests are confidence enough."""
    values = preset(AS_OF)
    values["approval"]["lowest_confidence"] = 0.0
    with entered(group.system):
        add_version(group.tenant.pk, values, reason="few rows", author="test")


class TestApproval:
    def address(self, valuation):
        return reverse("approve_valuation", args=[valuation.pk])

    def approve(self, client, valuation):
        return client.post(self.address(valuation))

    def test_not_on_weak_data(self, portfolio, valued, client_of):
        assert valued.confidence < 60
        page = text_of(client_of("ceo").post(self.address(valued), follow=True))
        assert "60" in page
        with entered(portfolio.group.system):
            assert not Approval.objects.exists()

    def test_not_on_stale_deliveries(self, lenient, portfolio, client_of):
        group = portfolio.group
        with entered(group.system):
            silent = make_customer(group, "-S3")
            make_visit(group, silent, date(2024, 6, 1))
            make_score(portfolio.score_set, make_fit(portfolio.score_set, "LUX/s3"), silent)
        valuation, _ = create_valuation(group.system, AS_OF)
        page = text_of(client_of("ceo").post(self.address(valuation), follow=True))
        assert "XQ-S3" in page
        with entered(group.system):
            assert not Approval.objects.exists()

    def test_by_a_second_person(self, lenient, portfolio, valued, client_of):
        assert self.approve(client_of("ceo"), valued).status_code == 302
        with entered(portfolio.group.system):
            assert Approval.objects.get().approved_by == "ceo@xq"

    def test_not_by_the_author(self, portfolio, client_of):
        access = Access(portfolio.group.tenant.pk, "ceo@xq", all_units=True)
        valuation, _ = create_valuation(access, AS_OF)
        assert self.approve(client_of("ceo"), valuation).status_code == 403
        with entered(portfolio.group.system):
            assert not Approval.objects.exists()

    def test_not_by_an_analyst(self, portfolio, valued, client_of):
        assert self.approve(client_of("analyst"), valued).status_code == 403

    def test_not_while_orders_and_books_differ(self, portfolio, client_of):
        group = portfolio.group
        with entered(group.system):
            MonthlyFinancials.objects.create(
                tenant=group.tenant,
                unit=group.units["-S1"],
                month=date(2024, 12, 1),
                scope="after_sales",
                revenue_fen=150_000,
                parts_cost_fen=50_000,
            )
        valuation, _ = create_valuation(group.system, AS_OF)
        self.approve(client_of("ceo"), valuation)
        with entered(group.system):
            assert not Approval.objects.exists()


class TestStates:
    def test_no_scores_yet(self, group, client_of):
        page = text_of(client_of("ceo").get(reverse("valuation_dashboard")))
        assert "尚无评分" in page

    def test_the_way_to_the_first_value_shows_what_is_done_and_who_goes_on(self, group, client_of):
        steps = client_of("ceo").get(reverse("valuation_dashboard")).context["steps"]
        assert [one.done for one in steps] == [True, False, False, False, False]
        # The executive loads no files, but can look at the models.
        assert [bool(one.href) for one in steps] == [False, False, True, False, False]

    def test_scores_but_no_valuation(self, portfolio, client_of):
        assert "立即估值" in text_of(client_of("ceo").get(reverse("valuation_dashboard")))
        assert "立即估值" not in text_of(client_of("auditor").get(reverse("valuation_dashboard")))

    def test_failed_training_is_named(self, portfolio, valued, client_of):
        with entered(portfolio.group.system):
            TrainingRun.objects.create(
                tenant=portfolio.group.tenant,
                as_of=AS_OF,
                config_hash="later",
                status=TrainingRun.Status.FAILED,
                message="Too few customers for a model.",
                requested_by="test",
            )
        page = text_of(client_of("ceo").get(reverse("valuation_dashboard")))
        assert "Too few customers for a model." in page

    def test_newer_scores_make_the_value_stale(self, portfolio, valued, client_of):
        with entered(portfolio.group.system):
            make_score_set(portfolio.group, date(2025, 3, 1))
        response = client_of("ceo").get(reverse("valuation_dashboard"))
        assert response.context["standing"].newer_scores

    def test_a_valuation_of_an_earlier_date_never_takes_the_place(
        self, portfolio, valued, client_of
    ):
        with entered(portfolio.group.system):
            earlier = make_score_set(portfolio.group, date(2024, 6, 1))
            make_score(earlier, make_fit(earlier), portfolio.steady)
        create_valuation(portfolio.group.system, date(2024, 6, 1))
        response = client_of("ceo").get(reverse("valuation_dashboard"))
        assert response.context["shown"].valuation == valued


class TestQueryCounts:
    PAGES = {
        "dashboard": ("valued_unit", "XQ"),
        "store": ("valued_unit", "XQ-S1"),
        "cohorts": ("valued_cohorts", "XQ"),
        "customers": ("valued_customers", "XQ"),
        "assumptions": ("assumptions", None),
    }

    def count(self, client, page: str) -> int:
        name, code = self.PAGES[page]
        address = reverse(name, args=[code] if code else [])
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    @pytest.mark.parametrize("page", PAGES)
    def test_is_the_baseline(self, valued, client_of, page):
        assert self.count(client_of("ceo"), page) == BASELINE[page]

    @pytest.mark.parametrize("page", PAGES)
    def test_does_not_grow_with_customers(self, portfolio, client_of, page):
        group = portfolio.group
        with entered(group.system):
            fit = make_fit(portfolio.score_set, "LUX/more")
            for number in range(12):
                customer = make_customer(group, f"-S{number % 4 + 1}", f"客户{number}")
                make_score(portfolio.score_set, fit, customer)
        create_valuation(group.system, AS_OF)
        assert self.count(client_of("ceo"), page) == BASELINE[page]


def test_monthly_task_values_every_group(portfolio, monkeypatch):
    monkeypatch.setattr(tasks.value_group, "delay", tasks.value_group)
    tasks.value_all_groups()
    with entered(portfolio.group.system):
        assert Valuation.objects.get().as_of == AS_OF
