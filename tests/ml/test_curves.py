import numpy as np
import pytest

from ml import bgnbd
from ml.bgnbd import Parameters
from ml.curves import DAYS_PER_MONTH, CurveMap, curves

ENDS = np.arange(1, 61) * DAYS_PER_MONTH
DEALER = Parameters(1.5, 400.0, 0.8, 8.0, modified=True)
X = np.array([0, 0, 1, 5, 0, 3, 20, 12.0])
T_X = np.array([0, 0, 10, 500, 0, 900, 1000, 3000.0])
AGE = np.array([0, 60, 100, 550, 700, 2000, 1100, 3100.0])


def test_eight_numbers_give_the_monthly_visits_of_direct_evaluation():
    future = curves(DEALER, X, T_X, AGE)
    direct = np.diff(bgnbd.expected_transactions(DEALER, X, T_X, AGE, ENDS), axis=1, prepend=0.0)
    np.testing.assert_allclose(future.monthly_visits(), direct, rtol=2e-7)


def test_present_value_is_exact_to_ten_digits():
    future = curves(DEALER, X, T_X, AGE)
    direct = np.diff(bgnbd.expected_transactions(DEALER, X, T_X, AGE, ENDS), axis=1, prepend=0.0)
    discount = 1.08 ** (-np.arange(1, 61) / 12)
    np.testing.assert_allclose(future.monthly_visits() @ discount, direct @ discount, rtol=1e-10)


def test_alive_curve_equals_direct_evaluation_and_falls():
    future = curves(DEALER, X, T_X, AGE)
    direct = bgnbd.futures(DEALER, X, T_X, AGE, ENDS)[2]
    np.testing.assert_allclose(future.monthly_alive(), direct, atol=1e-8)
    assert (np.diff(future.monthly_alive(), axis=1) < 0).all()


def test_flows_of_a_pool_are_the_map_of_its_summed_nodes():
    future = curves(DEALER, X, T_X, AGE)
    np.testing.assert_allclose(
        future.map.monthly @ future.visits.sum(axis=0), future.monthly_visits().sum(axis=0)
    )


@pytest.mark.parametrize("params", [(0.24, 31, 0.79, 2.4), (2.2, 900, 68, 1000), (1, 120, 0.5, 2)])
def test_other_fits_stay_within_a_basis_point_of_a_month(params):
    fit = Parameters(*params)
    direct = np.diff(bgnbd.expected_transactions(fit, X, T_X, AGE, ENDS), axis=1, prepend=0.0)
    np.testing.assert_allclose(curves(fit, X, T_X, AGE).monthly_visits(), direct, rtol=1e-4)


def test_node_on_a_month_end_is_taken_as_it_is():
    curve_map = CurveMap(bend=800.0)
    assert curve_map.node_days[-1] == pytest.approx(ENDS[-1])
    nodes = np.arange(8.0)
    assert (curve_map.cumulative @ nodes)[-1] == pytest.approx(7.0)


def test_map_survives_the_way_to_json_and_back():
    curve_map = CurveMap(bend=800.0, months=48)
    assert CurveMap.from_dict(curve_map.as_dict()) == curve_map


@pytest.mark.parametrize("bend", [0.0, -1.0, float("nan")])
def test_impossible_map_is_refused(bend):
    with pytest.raises(ValueError, match="bend"):
        CurveMap(bend)
