"""The model's part of a change of value: nothing from nothing, and all of it, no more."""

import numpy as np
import pytest

from ml.bgnbd import Parameters
from valuation.discounting import discount_factors
from valuation.model_effect import Effect, effect
from valuation.sensitivities import Histories, portfolio_value

OLD = Parameters(r=0.8, alpha=180.0, a=0.8, b=2.4)
NEW = Parameters(r=0.8, alpha=120.0, a=1.2, b=2.4)
DISCOUNT = discount_factors(0.08, 60)
PEOPLE = Histories(
    x=np.array([0.0, 2.0, 7.0]),
    t_x=np.array([0.0, 300.0, 900.0]),
    age=np.array([400.0, 700.0, 1000.0]),
    cap_month=np.array([60, 36, 12]),
    margin_per_visit=np.array([200.0, 350.0, 500.0]),
    margin_per_month=np.array([5.0, 0.0, 10.0]),
)
PLAIN = np.ones((3, 2))
TREES = np.array([[1.4, 1.1], [0.7, 0.9], [1.2, 1.0]])


def of(older: Parameters, newer: Parameters, anchors=PLAIN, **more) -> Effect:
    return effect(older, newer, PEOPLE, anchors, DISCOUNT, **{"anchored_before": True, **more})


def test_the_same_parameters_change_nothing():
    for anchors in (PLAIN, TREES):
        found = of(OLD, OLD, anchors)
        assert found.change == found.by_rate == 0.0


def test_without_trees_it_is_the_difference_of_the_values():
    found = of(OLD, NEW)
    assert found.value == pytest.approx(portfolio_value(NEW, PEOPLE, DISCOUNT))
    assert found.change == pytest.approx(found.value - portfolio_value(OLD, PEOPLE, DISCOUNT))


def test_trees_that_are_kept_hold_the_first_year_s_visits():
    # Undiscounted visits of a first year alone: what the trees said, whatever lies beneath.
    year = Histories(*(PEOPLE.x, PEOPLE.t_x, PEOPLE.age), np.full(3, 12), np.ones(3), np.zeros(3))
    found = effect(OLD, NEW, year, TREES, np.ones(60), anchored_before=True)
    assert found.change == pytest.approx(0.0, abs=1e-9)
    assert found.by_rate != pytest.approx(0.0, abs=1e-3)  # months alive moved, visits did not


def test_trees_that_are_new_are_a_change_of_model():
    found = of(OLD, OLD, TREES, anchored_before=False)
    before = portfolio_value(OLD, PEOPLE, DISCOUNT)
    assert found.change == pytest.approx(found.value - before)
    assert found.change == pytest.approx(found.by_rate)


def test_a_slower_clock_alone_is_by_rate():
    # Without drop-out everybody stays alive: all of the change is in visits a month.
    slow, fast = (Parameters(r=2.0, alpha=alpha, a=1e-9, b=5.0) for alpha in (400.0, 200.0))
    found = of(slow, fast)
    assert found.change > 0
    assert found.by_rate == pytest.approx(found.change, rel=1e-6)
