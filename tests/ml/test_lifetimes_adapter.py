import warnings

import numpy as np
import pytest

from ml import lifetimes_adapter
from ml.bgnbd import log_likelihood
from ml.gamma_gamma import SpendLikelihood, SpendParameters, expected_spend
from ml.lifetimes_adapter import fit_bgnbd, fit_gamma_gamma, fit_mbgnbd
from ml.maximum_likelihood import Collapsed, Likelihood
from tests.ml.cdnow import cdnow


def parameters(fit):
    return [fit.params.r, fit.params.alpha, fit.params.a, fit.params.b]


def test_bgnbd_of_cdnow():
    data = cdnow()
    fit = fit_bgnbd(data["x"], data["t_x"], data["T"])
    np.testing.assert_allclose(parameters(fit), [0.242593, 4.413532, 0.792886, 2.425753], rtol=1e-5)
    assert fit.log_likelihood == pytest.approx(-9582.425561, abs=1e-5)
    assert (fit.status, fit.estimator) == ("converged", "lifetimes")


def test_mbgnbd_of_cdnow():
    data = cdnow()
    fit = fit_mbgnbd(data["x"], data["t_x"], data["T"])
    np.testing.assert_allclose(parameters(fit), [0.524838, 6.182992, 0.891356, 1.613999], rtol=1e-5)
    assert fit.log_likelihood == pytest.approx(-9582.132685, abs=1e-5)


def test_gamma_gamma_of_cdnow():
    data = cdnow()
    fit = fit_gamma_gamma(data["x"], data["zbar"])
    got = [fit.params.p, fit.params.q, fit.params.gamma]
    np.testing.assert_allclose(got, [6.248802, 3.744588, 15.447748], rtol=1e-5)
    assert (fit.customers, fit.status) == (946, "converged")


def test_reported_likelihood_is_the_sum_over_customers_in_their_own_unit():
    data = cdnow()
    fit = fit_bgnbd(data["x"], data["t_x"] * 7, data["T"] * 7)
    total = log_likelihood(fit.params, data["x"], data["t_x"] * 7, data["T"] * 7).sum()
    assert fit.log_likelihood == pytest.approx(total, rel=1e-10)


def test_weighted_distinct_rows_give_the_same_parameters():
    data = cdnow()
    whole = fit_bgnbd(data["x"], data["t_x"], data["T"])
    counts = data.groupby(["x", "t_x", "T"]).size().reset_index(name="weight")
    collapsed = fit_bgnbd(counts["x"], counts["t_x"], counts["T"], counts["weight"])
    np.testing.assert_allclose(parameters(collapsed), parameters(whole), rtol=1e-7)


def test_order_of_customers_does_not_matter():
    data = cdnow()
    mixed = data.sample(frac=1.0, random_state=3)
    assert parameters(fit_bgnbd(data["x"], data["t_x"], data["T"])) == parameters(
        fit_bgnbd(mixed["x"], mixed["t_x"], mixed["T"])
    )


def test_covariance_is_symmetric_and_its_errors_are_the_published_size():
    data = cdnow()
    covariance = np.array(fit_bgnbd(data["x"], data["t_x"], data["T"]).covariance)
    np.testing.assert_allclose(covariance, covariance.T, rtol=1e-12)
    error_of_r = np.sqrt(covariance[0, 0]) * 0.242593
    assert error_of_r == pytest.approx(0.0126, abs=0.0003)


@pytest.mark.parametrize("modified", [False, True])
def test_analytic_gradient_equals_finite_differences(modified):
    data = cdnow()
    likelihood = Likelihood(Collapsed.of(data["x"], data["t_x"], data["T"]), modified)
    at = np.log([0.5, 3.0, 0.7, 2.0])
    steps = 1e-6 * np.eye(4)
    numeric = [(likelihood(at + s)[0] - likelihood(at - s)[0]) / 2e-6 for s in steps]
    np.testing.assert_allclose(likelihood(at)[1], numeric, atol=1e-7)


def test_analytic_gradient_of_spend_equals_finite_differences():
    data = cdnow().query("x > 0")
    likelihood = SpendLikelihood(data["x"].to_numpy(float), data["zbar"].to_numpy() / 35.0)
    at = np.log([2.0, 3.0, 1.0])
    steps = 1e-6 * np.eye(3)
    numeric = [(likelihood(at + s)[0] - likelihood(at - s)[0]) / 2e-6 for s in steps]
    np.testing.assert_allclose(likelihood(at)[1], numeric, atol=1e-7)


def test_customers_who_never_drop_out_end_at_the_bound_not_in_an_error():
    rng = np.random.default_rng(5)
    age = np.full(400, 1000.0)
    x = rng.poisson(5.0, 400) + 1.0
    fit = fit_bgnbd(x, age - rng.uniform(0, 5, 400), age)
    assert fit.status == "at the bound"
    assert fit.params is not None
    assert fit.reason


def test_nobody_came_back_is_refused_with_the_count():
    fit = fit_bgnbd(np.zeros(500), np.zeros(500), np.full(500, 300.0))
    assert (fit.status, fit.params) == ("refused", None)
    assert "0 customers came back" in fit.reason


def test_spend_without_a_mean_is_refused():
    rng = np.random.default_rng(11)
    x = rng.integers(1, 5, 3000).astype(float)
    spend = rng.gamma(2.0, 1.0, 3000) / rng.gamma(0.6, 1.0, 3000)  # q = .6: no expectation
    fit = fit_gamma_gamma(x, spend)
    assert (fit.status, fit.params) == ("refused", None)
    assert "not above 1" in fit.reason


def test_money_may_be_in_any_unit():
    data = cdnow()
    dollars, cents = (fit_gamma_gamma(data["x"], data["zbar"] * unit) for unit in (1.0, 100.0))
    assert cents.params.p == pytest.approx(dollars.params.p, rel=1e-6)
    assert cents.params.gamma == pytest.approx(100 * dollars.params.gamma, rel=1e-6)


def test_expected_spend_lies_between_own_and_group_mean():
    params = SpendParameters(6.25, 3.74, 15.4)
    group = params.p * params.gamma / (params.q - 1)
    got = expected_spend(params, [0, 2, 2], [np.nan, 10.0, 90.0])
    assert got[0] == pytest.approx(group)
    assert 10 < got[1] < group < got[2] < 90


def test_expected_spend_for_q_up_to_one_is_refused():
    with pytest.raises(ValueError, match="does not exist"):
        expected_spend(SpendParameters(2.0, 1.0, 10.0), [0], [0.0])


def test_warning_filters_and_stdout_are_left_alone(capsys, monkeypatch):
    monkeypatch.setattr(lifetimes_adapter, "LIBRARY_ROWS", 10**9)
    before = list(warnings.filters)
    data = cdnow()
    fit_bgnbd(data["x"], data["t_x"], data["T"])
    fit_gamma_gamma(data["x"], data["zbar"])
    assert list(warnings.filters) == before
    assert capsys.readouterr().out == ""


def test_large_cohorts_take_the_analytic_optimum_which_is_the_same(monkeypatch):
    data = cdnow()
    library = fit_bgnbd(data["x"], data["t_x"], data["T"])
    monkeypatch.setattr(lifetimes_adapter, "LIBRARY_ROWS", 0)
    own = fit_bgnbd(data["x"], data["t_x"], data["T"])
    assert own.estimator == "analytic"
    np.testing.assert_allclose(parameters(own), parameters(library), rtol=1e-6)


def test_of_many_histories_the_library_estimates_a_sample_and_agrees(monkeypatch):
    monkeypatch.setattr(lifetimes_adapter, "LIBRARY_ROWS", 500)
    data = cdnow()
    fit = fit_bgnbd(data["x"], data["t_x"], data["T"])
    assert fit.estimator == "analytic"
    assert fit.params.alpha == pytest.approx(4.413532, rel=1e-4)
    assert fit.agreement.rows >= 500
    assert fit.agreement.max_relative_difference < 1e-3
    again = data[data["x"] > 0]
    spend = fit_gamma_gamma(again["x"], again["zbar"])
    assert spend.estimator == "analytic"
    assert spend.agreement.max_relative_difference < 5e-3
