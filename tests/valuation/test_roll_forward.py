"""The bridge between two valuations: exact, and each step moved by its own cause alone."""

from datetime import date

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ml.models import ScoreSet
from organization.access import entered
from tests.factories import make_customer, make_visit
from tests.valuation.score_sets import (
    PARAMETERS,
    make_fit,
    make_score,
    make_score_set,
    steady_nodes,
)
from valuation.assumptions import add_version, preset
from valuation.engine import create_valuation
from valuation.models import Valuation
from valuation.refusals import Refused
from valuation.roll_forward import STEPS, roll_forward

LATER = date(2025, 7, 1)


def next_scores(portfolio, fit_parameters=None, **of_steady) -> ScoreSet:
    """Half a year on, the same curves for all but ``steady``."""
    group = portfolio.group
    score_set = make_score_set(group, LATER)
    people = make_fit(score_set, parameters=fit_parameters or PARAMETERS)
    companies = make_fit(score_set, "JV/organisation")
    make_score(score_set, people, portfolio.steady, **of_steady)
    accidents = {"accident_margin": 10.0, "accident_revenue": 30.0}
    make_score(score_set, people, portfolio.capped, cap_month=12, **accidents)
    make_score(score_set, companies, portfolio.fleet, segment="organisation")
    return score_set


def steps_of(portfolio, older: Valuation) -> dict[str, int]:
    newer, _ = create_valuation(portfolio.group.system, LATER)
    group = portfolio.group
    stores = [unit.pk for code, unit in group.units.items() if code.startswith("-S")]
    with entered(group.system):
        found = roll_forward(older, newer, group.units[""].pk, stores)
    assert [one.step for one in found] == list(STEPS)
    *bars, closing = found
    assert sum(one.amount_fen for one in bars) == closing.amount_fen
    return {one.step: one.amount_fen for one in found}


def test_nothing_happened_but_time(portfolio, valued):
    with entered(portfolio.group.system):
        next_scores(portfolio)
    steps = steps_of(portfolio, valued)
    for name in ("margin", "frequency", "costs", "discount_rate", "model_change"):
        assert abs(steps[name]) < 0.002 * steps["opening"], name
    assert steps["customers_in"] == steps["customers_out"] == 0
    assert steps["cash_realised"] == 0  # nobody came
    assert steps["experience_variance"] < 0


def test_cash_and_variance_take_out_what_was_expected(portfolio, valued):
    with entered(portfolio.group.system):
        next_scores(portfolio)
        make_visit(portfolio.group, portfolio.steady, date(2025, 3, 1))
    steps = steps_of(portfolio, valued)
    assert steps["cash_realised"] < 0
    growth = 1.08 ** (181 / 365.25)
    with entered(portfolio.group.system):
        unit = valued.units.get(unit=portfolio.group.units[""])
    months = 181 / 365.25 * 12
    lines = unit.monthly["present_value_fen"]
    due = sum(lines[:5]) + lines[5] * (months - 5)
    assert steps["cash_realised"] + steps["experience_variance"] == pytest.approx(
        -due * growth, abs=2
    )


def test_a_margin_that_rises_is_margin(portfolio, valued):
    with entered(portfolio.group.system):
        next_scores(portfolio, margin_per_visit=500.0)
    steps = steps_of(portfolio, valued)
    # A quarter more on steady's visits: a quarter of what was his value.
    with entered(portfolio.group.system):
        steady = valued.units.get(unit=portfolio.group.units["-S1"]).expected_fen
    assert steps["margin"] == pytest.approx(0.25 * steady, rel=0.01)
    assert abs(steps["frequency"]) < 0.002 * steps["opening"]


def test_more_visits_a_month_are_frequency(portfolio, valued):
    with entered(portfolio.group.system):
        next_scores(portfolio, visits_at_nodes=steady_nodes(0.55))
        steady = valued.units.get(unit=portfolio.group.units["-S1"]).expected_fen
    steps = steps_of(portfolio, valued)
    assert steps["frequency"] == pytest.approx(0.10 * steady, rel=0.01)
    assert abs(steps["margin"]) < 0.002 * steps["opening"]


def test_those_who_may_be_gone_are_retention(portfolio, valued):
    with entered(portfolio.group.system):
        next_scores(
            portfolio, visits_at_nodes=steady_nodes(0.25), p_alive=0.5, alive_at_nodes=[0.5] * 8
        )
        steady = valued.units.get(unit=portfolio.group.units["-S1"]).expected_fen
    steps = steps_of(portfolio, valued)
    assert steps["retention"] < -0.3 * steady
    assert abs(steps["frequency"]) < 0.002 * steps["opening"]


def test_a_higher_rate_is_the_discount_rate(portfolio, valued):
    group = portfolio.group
    with entered(group.system):
        next_scores(portfolio)
        values = preset(LATER)
        values["discount"]["premium"]["rate"] = 0.07
        add_version(group.tenant.pk, values, reason="two points more", author="x")
    steps = steps_of(portfolio, valued)
    assert -0.06 * steps["opening"] < steps["discount_rate"] < -0.03 * steps["opening"]


def test_other_parameters_are_model_change(portfolio, valued):
    with entered(portfolio.group.system):
        next_scores(portfolio, fit_parameters={**PARAMETERS, "alpha": 150.0})
    steps = steps_of(portfolio, valued)
    # A faster clock: the same histories promise more visits than under the older parameters.
    assert steps["model_change"] > 0.01 * steps["opening"]
    assert steps["frequency"] < 0


def test_newcomers_are_customers_in(portfolio, valued):
    group = portfolio.group
    with entered(group.system):
        score_set = next_scores(portfolio)
        newcomer = make_customer(group, "-S1", "赵敏")
        make_score(score_set, make_fit(score_set, "LUX/new"), newcomer)
    steps = steps_of(portfolio, valued)
    with entered(group.system):
        steady = valued.units.get(unit=group.units["-S1"]).expected_fen
    assert steps["customers_in"] == pytest.approx(steady, rel=1e-3)


def test_the_older_comes_first(portfolio, valued):
    with entered(portfolio.group.system), pytest.raises(Refused, match="earlier"):
        roll_forward(valued, valued, portfolio.group.units[""].pk, [])


def test_the_page(portfolio, valued, client_of):
    with entered(portfolio.group.system):
        next_scores(portfolio)
    create_valuation(portfolio.group.system, LATER)
    response = client_of("ceo").get(reverse("valued_bridge", args=["XQ"]))
    assert response.status_code == 200
    assert response.context["older"] == valued
    assert len(response.context["table"].rows) == len(STEPS) - 1
    turned = client_of("ceo").get(
        reverse("valued_bridge", args=["XQ"]),
        {"older": response.context["newer"].pk, "newer": valued.pk},
    )
    assert "refusal" in turned.context


def test_a_unit_s_page_begins_with_why_it_changed(portfolio, valued, client_of):
    client = client_of("ceo")
    alone = client.get(reverse("valuation_dashboard"))
    assert alone.context["bridge_tabs"] == []
    with entered(portfolio.group.system):
        next_scores(portfolio)
    create_valuation(portfolio.group.system, LATER)
    page = client.get(reverse("valuation_dashboard"))
    assert "2025-01-01" in page.context["bridge"].title
    form = client.get(reverse("valuation_dashboard"), {"bridge": "form"})
    assert form.context["bridge"].title == alone.context["bridge"].title


def test_the_bars_of_two_valuations_are_kept(portfolio, valued, client_of):
    cache.clear()
    with entered(portfolio.group.system):
        next_scores(portfolio)
    create_valuation(portfolio.group.system, LATER)
    client, page = client_of("ceo"), reverse("valued_bridge", args=["XQ"])
    with CaptureQueriesContext(connection) as first:
        before = client.get(page).context["table"].rows
    with CaptureQueriesContext(connection) as again:
        after = client.get(page).context["table"].rows
    assert before == after
    assert len(first) > len(again)
    assert not [q for q in again if "full join" in q["sql"]]
