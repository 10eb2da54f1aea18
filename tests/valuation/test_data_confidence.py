"""Beside a valuation stands the data confidence of the quality report, and no other."""

from datetime import date

import pytest

from customers.models import MonthlyFinancials
from customers.quality import report as quality
from organization.access import entered
from tests.factories import Group, make_customer
from tests.valuation.conftest import Portfolio
from tests.valuation.score_sets import AS_OF, make_fit, make_score
from valuation.engine import create_valuation
from valuation.models import Valuation


def book(group: Group, revenue_fen: int) -> None:
    """What S1's ledger says of December 2024, in which its orders come to 1,000 yuan."""
    with entered(group.system):
        MonthlyFinancials.objects.create(
            tenant=group.tenant,
            unit=group.units["-S1"],
            month=date(2024, 12, 1),
            scope="after_sales",
            revenue_fen=revenue_fen,
        )


def test_it_is_that_of_the_quality_report(portfolio: Portfolio, valued: Valuation) -> None:
    with entered(portfolio.group.system) as system:
        found = quality.confidence(system, AS_OF)
    assert valued.confidence == found.score
    assert 0 < found.score <= 100
    assert valued.notes["parts"] == pytest.approx(found.parts, abs=1e-4)
    assert tuple(valued.notes["missing"]) == found.missing_kinds


def test_a_group_without_books_has_no_gap(valued: Valuation) -> None:
    assert valued.notes["gap"] is None


def test_the_gap_to_the_books_is_that_of_the_report(portfolio: Portfolio) -> None:
    book(portfolio.group, 80_000)
    valuation, _created = create_valuation(portfolio.group.system, AS_OF)
    assert valuation.notes["gap"] == pytest.approx(0.25)  # 1,000 of orders, 800 booked
    assert valuation.notes["months_beyond"] == 1


def test_mended_books_make_a_new_valuation(portfolio: Portfolio, valued: Valuation) -> None:
    book(portfolio.group, 100_000)
    with entered(portfolio.group.system) as system:
        quality.assess(system, AS_OF)
    again, created = create_valuation(portfolio.group.system, AS_OF)
    assert created
    assert again.notes["gap"] == 0.0


def test_models_that_did_not_converge_are_a_fact_beside_it(portfolio: Portfolio) -> None:
    group, score_set = portfolio.group, portfolio.score_set
    with entered(group.system):
        wobbly = make_fit(score_set, "LUX/wobbly", converged=False)
        make_score(score_set, wobbly, make_customer(group, "-S3", "周杰"))
    valuation, _created = create_valuation(group.system, AS_OF)
    assert valuation.notes["converged_share"] == 0.75
    assert "models" not in valuation.notes["parts"]
