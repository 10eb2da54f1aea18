"""A group with three scored customers, and the same group valued."""

from dataclasses import dataclass
from datetime import date

import pytest

from customers.models import Customer
from ml.models import ScoreSet
from organization.access import entered
from tests.factories import Group, make_customer, make_visit
from tests.valuation.score_sets import AS_OF, make_fit, make_score, make_score_set
from valuation.engine import create_valuation
from valuation.models import Valuation

VISITS = (date(2023, 3, 1), date(2023, 9, 1), date(2024, 12, 1))


@dataclass
class Portfolio:
    """``steady`` at S1 for ever; ``capped`` at S2 for a year, with accidents; ``fleet`` at S4."""

    group: Group
    score_set: ScoreSet
    steady: Customer
    capped: Customer
    fleet: Customer


@pytest.fixture
def portfolio(group: Group) -> Portfolio:
    with entered(group.system):
        score_set = make_score_set(group)
        people = make_fit(score_set)
        companies = make_fit(score_set, "JV/organisation")
        steady = make_customer(group, "-S1", "王芳")
        capped = make_customer(group, "-S2", "李强")
        fleet = make_customer(group, "-S4", "物流公司", kind="fleet")
        make_score(score_set, people, steady)
        accidents = {"accident_margin": 10.0, "accident_revenue": 30.0}
        make_score(score_set, people, capped, cap_month=12, **accidents)
        make_score(score_set, companies, fleet, segment="organisation")
        for customer in (steady, capped, fleet):
            for day in VISITS:
                make_visit(group, customer, day)
    return Portfolio(group, score_set, steady, capped, fleet)


@pytest.fixture
def valued(portfolio: Portfolio) -> Valuation:
    valuation, _created = create_valuation(portfolio.group.system, AS_OF)
    return valuation
