"""A new version of the assumptions: sourced, with a reason, refused by range; divisions apart."""

import pytest
from django.urls import reverse

from organization.access import entered
from tests.valuation.score_sets import AS_OF
from valuation.assumptions import add_version, preset
from valuation.engine import create_valuation
from valuation.models import Assumptions, ValuedUnit

FIGURES = {
    "risk_free": "0.03",
    "risk_free_source": "government bond",
    "premium": "0.05",
    "premium_source": "own study",
    "wacc": "0.12",
    "service_cost_rate": "0.1",
    "service_cost_source": "own study",
    "retention_cost_per_month": "",
    "retention_cost_source": "measured",
    "tax_rate": "0",
    "attrition": "0.1",
    "shocks_source": "own years",
    "margin": "0.05",
    "volume": "0.08",
    "store_correlation": "0.5",
    "renewal_probability": "0.9",
    "authorisation_source": "manufacturer's letter",
    "lowest_confidence": "60",
    "oldest_days": "62",
    "dated": "2026-11-01",
    "reason": "yearly review",
}


@pytest.fixture
def store(valued, client_of, portfolio):
    def of(**changes):
        response = client_of("analyst").post(reverse("new_assumptions"), FIGURES | changes)
        with entered(portfolio.group.system):
            newest = Assumptions.objects.order_by("-version").first()
        return response.status_code, newest

    return of


def test_stores_the_next_version_with_its_reason(store):
    status, newest = store()
    assert (status, newest.version, newest.reason) == (302, 2, "yearly review")
    assert newest.values["authorisation"]["renewal_probability"] == 0.9


def test_a_source_that_was_only_translated_is_stored_as_it_was(store, client_of):
    page = client_of("analyst").get(reverse("new_assumptions"))
    shown = page.context["form"]["risk_free_source"].value()
    assert shown == "售后资产课程算例"
    _status, newest = store(risk_free_source=shown)
    source = newest.values["discount"]["risk_free"]["source"]
    assert source == "after-sales asset course, worked example"


def test_every_figure_and_every_source_has_its_place_on_the_page(valued, client_of):
    form = client_of("analyst").get(reverse("new_assumptions")).context["form"]
    placed = [bound.name for _t, rows in form.groups() for pair in rows for bound in pair if bound]
    placed += [bound.name for bound in form.further()]
    assert sorted(placed) == sorted(form.fields)


@pytest.mark.parametrize(
    "changes",
    [
        {"premium": "5"},
        {"risk_free": "-0.01"},
        {"service_cost_rate": "10"},
        {"renewal_probability": "1.5"},
        {"lowest_confidence": "101"},
        {"oldest_days": "0"},
        {"volume": "8"},
        {"reason": ""},
        {"premium_source": ""},
        {"retention_cost_per_month": "-1"},
        {"division": "XQ-LUX", "division_premium": "0.07", "division_source": "study"},
    ],
)
def test_refuses_what_is_out_of_range_or_unexplained(store, changes):
    status, newest = store(**changes)
    assert (status, newest.version) == (400, 1)


def test_a_division_s_own_premium_lowers_its_value_alone(portfolio, valued):
    group = portfolio.group
    with entered(group.system):
        values = preset(AS_OF)
        values["discount"]["premiums"] = {
            "XQ-LUX": {
                "rate": 0.09,
                "source": "study",
                "dated": "2025-01-01",
                "reason": "older cars",
            }
        }
        add_version(group.tenant.pk, values, reason="by division", author="test")
    again, created = create_valuation(group.system, AS_OF)
    assert created

    def of(valuation, code):
        return ValuedUnit.objects.get(valuation=valuation, unit=group.units[code]).expected_fen

    with entered(group.system):
        assert of(again, "-JV") == of(valued, "-JV")
        assert of(again, "-LUX") < of(valued, "-LUX")
        # 60 months of a steady customer at 12% instead of 8%.
        ratio = sum(1.12 ** (-k / 12) for k in range(1, 61)) / sum(
            1.08 ** (-k / 12) for k in range(1, 61)
        )
        assert of(again, "-S1") == pytest.approx(of(valued, "-S1") * ratio, rel=2e-4)


def test_flows_go_on_with_the_renewal_probability(portfolio, valued):
    from datetime import date

    group = portfolio.group
    with entered(group.system):
        store = group.units["-S1"]
        store.authorised_until = date(2025, 12, 31)
        store.save()
        values = preset(AS_OF)
        values["authorisation"] = {"renewal_probability": 0.5, "source": "manufacturer's letter"}
        add_version(group.tenant.pk, values, reason="contract ends", author="test")
    again, _ = create_valuation(group.system, AS_OF)
    with entered(group.system):
        before = ValuedUnit.objects.get(valuation=valued, unit=group.units["-S1"])
        after = ValuedUnit.objects.get(valuation=again, unit=group.units["-S1"])
    for line in ("revenue_fen", "margin_fen"):
        assert after.monthly[line][:11] == before.monthly[line][:11]
        assert after.monthly[line][13] == pytest.approx(before.monthly[line][13] / 2, abs=1)
    assert sum(after.monthly["present_value_fen"]) == after.expected_fen
