"""A portfolio of three customers, valued through the database, against arithmetic on paper."""

import pytest

from organization.access import entered
from tests.factories import Group, make_customer, make_visit
from tests.valuation.score_sets import AS_OF, MAP, make_fit, make_score, make_score_set, steady_nodes
from valuation.engine import create_valuation
from valuation.models import Valuation, ValuedCustomer, ValuedUnit
from datetime import date


@pytest.fixture
def three(group: Group):
    """Two people at S1 and S2 of LUX, a company at S4 of JV."""
    with entered(group.system):
        score_set = make_score_set(group)
        people, others = make_fit(score_set), make_fit(score_set, "JV/organisation")
        first = make_customer(group, "-S1")
        second = make_customer(group, "-S2", accident := "李强") if False else make_customer(group, "-S2", "李强")
        third = make_customer(group, "-S4", "物流公司", kind="company")
        make_score(score_set, people, first)
        make_score(score_set, people, second, cap_month=12, accident_margin=10.0, accident_revenue=30.0)
        make_score(score_set, others, third, segment="organisation")
        for customer in (first, second, third):
            for day in (date(2023, 3, 1), date(2023, 9, 1), date(2024, 12, 1)):
                make_visit(group, customer, day)
    return score_set


def test_value(group, three):
    valuation, created = create_valuation(group.system, AS_OF)
    assert created
    with entered(group.system):
        for unit in ValuedUnit.objects.select_related("unit"):
            print(unit.unit.code, unit.customers, unit.expected_fen, unit.p5_fen, unit.p95_fen)
    again, created = create_valuation(group.system, AS_OF)
    assert not created
