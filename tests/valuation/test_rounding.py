"""Integers that sum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from valuation.rounding import apportion, fit_to_total, to_fen


class TestToFen:
    def test_half_goes_to_even(self):
        assert to_fen([0.125, 0.375, -0.125, 2.5]).tolist() == [12, 38, -12, 250]

    @pytest.mark.parametrize("bad", [np.nan, np.inf, 1e15])
    def test_refuses_what_is_no_money(self, bad):
        with pytest.raises(ValueError, match="not finite money"):
            to_fen([1.0, bad])


class TestApportion:
    def test_largest_remainders(self):
        # Shares 41.6, 33.4, 25.0 of 100: the fen left goes to .6.
        assert apportion(100, [41.6, 33.4, 25.0]).tolist() == [42, 33, 25]

    def test_earlier_of_equals_first(self):
        assert apportion(2, [1, 1, 1]).tolist() == [1, 1, 0]

    def test_nothing_to_go_by_is_shared_evenly(self):
        assert apportion(7, [0, 0, 0]).tolist() == [3, 2, 2]

    def test_negative_total(self):
        assert apportion(-10, [1, 1, 1]).sum() == -10

    @pytest.mark.parametrize("weights", [[-1.0, 2.0], [np.nan, 1.0], [np.inf, 1.0]])
    def test_refuses_impossible_weights(self, weights):
        with pytest.raises(ValueError, match="weights"):
            apportion(10, weights)

    @given(
        total=st.integers(-(10**14), 10**14),
        weights=arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1e12)),
    )
    def test_parts_sum_and_stay_within_a_fen_of_their_share(self, total, weights):
        parts = apportion(total, weights)
        assert parts.sum() == total
        if weights.sum() > 0:
            # Beyond 2^53 / n the share itself is only known to a float64's precision.
            slack = 1 + abs(total) * 1e-14
            exact = total * (weights / weights.max()) / (weights / weights.max()).sum()
            assert np.abs(parts - exact).max() <= slack


class TestFitToTotal:
    def test_rows_are_independent(self):
        values = np.array([[10.4, 20.4, 30.4], [-5.5, 2.25, 0.0]])
        fitted = fit_to_total(values, np.array([61, -3]))
        assert fitted.sum(axis=1).tolist() == [61, -3]
        assert fitted[0].tolist() == fit_to_total(values[0], 61).tolist()

    def test_refuses_totals_that_are_not_integers(self):
        with pytest.raises(ValueError, match="integer fen"):
            fit_to_total([1.0, 2.0], 3.0)

    def test_refuses_no_parts(self):
        with pytest.raises(ValueError, match="cannot sum"):
            fit_to_total(np.zeros((2, 0)), np.array([0, 0]))

    @given(
        values=arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e11, 1e11)),
        drift=st.integers(-1000, 1000),
    )
    def test_sums_exactly_with_either_sign(self, values, drift):
        total = int(np.rint(values.sum())) + drift
        assert fit_to_total(values, total).sum() == total
