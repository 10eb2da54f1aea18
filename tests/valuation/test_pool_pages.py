"""The pool pages: live result, refusals beside their field, cutting, exporting, renewing."""

import io
import zipfile

import pytest
from django.urls import reverse

from organization.access import entered
from organization.models import AuditEvent
from valuation.models import Approval, Pool
from valuation.pools import workbook

BUILDER = "/value/pools/new"


@pytest.fixture
def client_of(client_of):
    """Clients who read English."""

    def of(*arguments):
        client = client_of(*arguments)
        client.cookies["django_language"] = "en"
        return client

    return of


def text_of(response) -> str:
    return response.content.decode()


@pytest.fixture
def pool(valued, client_of, portfolio) -> Pool:
    client_of("analyst").post(reverse("cut_pool"), {"name": "All"})
    with entered(portfolio.group.system):
        return Pool.objects.get()


def approve(portfolio, valued) -> None:
    with entered(portfolio.group.system):
        Approval.objects.create(
            tenant=portfolio.group.tenant, valuation=valued, approved_by="somebody else"
        )


class TestBuilder:
    def test_shows_everybody_at_first(self, valued, client_of):
        response = client_of("analyst").get(BUILDER)
        assert response.status_code == 200
        assert response.context["selected"].customers == 3

    def test_answers_with_the_result_alone_while_one_types(self, valued, client_of):
        client = client_of("analyst")
        page = text_of(client.get(BUILDER + "?kind=person", headers={"HX-Request": "true"}))
        assert page.lstrip().startswith('<div id="pool"')
        assert '<form class="panel pool-rules"' not in page

    def test_a_store_manager_builds_from_the_own_store(self, valued, client_of):
        response = client_of("store_manager").get(BUILDER)
        assert response.context["selected"].customers == 1
        assert not response.context["may_cut"]

    def test_the_band_has_three_layers(self, valued, client_of):
        response = client_of("analyst").get(reverse("pool_band"))
        assert len(response.context["layers"]) == 3

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("months=0", "between 1 and 60"),
            ("months=600", "between 1 and 60"),
            ("months=12.5", "whole number"),
            ("limit_store=0.2", "percentage from 1 to 100"),
            ("limit_store=101", "percentage from 1 to 100"),
            ("p_alive_min=-1", "percentage from 0 to 100"),
            ("visits_min=many", "must be a number"),
            ("visits_min=-3", "between 0 and 1,000"),
            ("vehicle_months_max=9999", "between 1 and 600"),
            ("kind=everyone", "one of person, organisation"),
            ("grade=E", "one of A, B, C, D"),
            ("visits_min=1e400", "must be a number"),
        ],
    )
    def test_refuses_naming_the_range(self, valued, client_of, query, words):
        response = client_of("analyst").get(f"{BUILDER}?{query}")
        assert response.status_code == 200
        (said,) = response.context["refusals"]
        assert words in said

    def test_names_every_field_at_fault(self, valued, client_of):
        response = client_of("analyst").get(BUILDER + "?months=0&visits_min=x&limit_store=0.1")
        assert len(response.context["refusals"]) == 3

    def test_a_pool_of_nobody_is_an_empty_state(self, valued, client_of):
        response = client_of("analyst").get(BUILDER + "?visits_min=900")
        assert response.context["selected"].customers == 0
        assert "Nobody meets these rules" in text_of(response)

    def test_without_a_valuation_it_says_so(self, group, client_of):
        assert "No valuation" in text_of(client_of("analyst").get(BUILDER))


class TestCut:
    def test_is_audited_and_shown(self, pool, portfolio, client_of):
        page = client_of("analyst").get(reverse("pool", args=[pool.pk]))
        assert page.status_code == 200
        assert page.context["strata"].total["customers"] == 3
        with entered(portfolio.group.system):
            assert AuditEvent.objects.filter(action="pool.cut").count() == 1

    def test_nobody_cannot_be_cut(self, valued, client_of, portfolio):
        client = client_of("analyst")
        page = client.post(reverse("cut_pool") + "?visits_min=900", {"name": "x"}, follow=True)
        assert "at least one" in text_of(page)
        with entered(portfolio.group.system):
            assert not Pool.objects.exists()

    @pytest.mark.parametrize("name", ["", " ", "x" * 81, "All"])
    def test_a_name_that_is_missing_too_long_or_taken(self, pool, client_of, portfolio, name):
        client_of("analyst").post(reverse("cut_pool"), {"name": name})
        with entered(portfolio.group.system):
            assert Pool.objects.count() == 1

    def test_every_stratification_sums_to_the_pool(self, pool, client_of):
        for by in pool.strata:
            table = client_of("analyst").get(f"/value/pools/{pool.pk}/?by={by}").context["strata"]
            assert sum(row["value_fen"] for row in table.rows) == pool.value_fen


class TestExport:
    def test_waits_for_a_second_person(self, pool, client_of):
        response = client_of("analyst").get(reverse("pool_export", args=[pool.pk, "csv"]))
        assert response.status_code == 302

    def test_tape(self, pool, valued, portfolio, client_of):
        approve(portfolio, valued)
        response = client_of("analyst").get(reverse("pool_export", args=[pool.pk, "csv"]))
        content = b"".join(response.streaming_content)
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
        assert names == ["tape.csv", "dictionary.csv", "NOTICE.txt", "SHA256SUMS"]
        with entered(portfolio.group.system):
            assert AuditEvent.objects.filter(action="pool.exported").count() == 1

    def test_more_customers_than_a_sheet_has_rows_are_refused_in_words(
        self, pool, valued, portfolio, client_of, monkeypatch
    ):
        approve(portfolio, valued)
        monkeypatch.setattr(workbook, "MOST_CUSTOMERS", 2)
        address = reverse("pool_export", args=[pool.pk, "xlsx"])
        answer = client_of("analyst").get(address, follow=True)
        (said,) = (str(one) for one in answer.context["messages"])
        assert said.startswith("The pool has 3 customers, a sheet of a workbook at most 2:")
        with entered(portfolio.group.system):
            assert not AuditEvent.objects.filter(action="pool.exported").exists()

    def test_another_unit_does_not_see_the_pool(self, pool, client_of):
        client = client_of("store_manager")
        assert client.get(reverse("pool", args=[pool.pk])).status_code == 404
        assert client.get(reverse("pool_export", args=[pool.pk, "csv"])).status_code == 404


class TestRevolving:
    def test_the_same_date_is_refused(self, pool, client_of):
        page = client_of("analyst").post(reverse("renew_pool", args=[pool.pk]), follow=True)
        assert "newer valuation" in text_of(page)
