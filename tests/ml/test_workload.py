"""The load of workshops: seasons, levels, and intervals that hold what they say."""

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import nbinom

from ml import workload

FIRST = date(2022, 1, 3)
WEEKS = 156


def years_of(rate, spread=0.0, seed=1, stores=12, weeks=WEEKS):
    """Visits of stores whose weeks swing by ±30% over the year, fall in the festival week and
    vary with variance m + spread·m²; and their means, both (S, K, weeks)."""
    draw = np.random.default_rng(seed)
    features = workload.week_features(FIRST, weeks)
    swing = np.exp(0.3 * features[:, 0] - 1.0 * features[:, 8])
    size = draw.uniform(0.5, 2.0, stores)
    share = np.array([0.5, 0.2, 0.15, 0.1, 0.05])
    mean = rate * size[:, None, None] * share[None, :, None] * swing[None, None, :]
    if spread:
        mean = mean * draw.gamma(1 / spread, spread, mean.shape)
    return draw.poisson(mean).astype(float), mean


class TestSeason:
    def test_waves_and_festival_are_found_again(self):
        counts, mean = years_of(400.0, stores=1, weeks=WEEKS + 52)
        found = workload.season(counts.sum(axis=(0, 1))[:WEEKS], FIRST, 52)
        truth = mean.sum(axis=(0, 1))[WEEKS:]
        assert found == pytest.approx(truth / truth.mean(), rel=0.15)

    def test_the_festival_moves_with_the_lunar_year(self):
        counts, _mean = years_of(400.0, stores=1)
        found = workload.season(counts.sum(axis=(0, 1)), FIRST, 52)
        start = FIRST + timedelta(weeks=WEEKS)
        quiet = start + timedelta(weeks=int(np.argmin(found)))
        assert quiet <= date(2025, 1, 29) + timedelta(days=5)
        assert quiet + timedelta(days=7) > date(2025, 1, 27)

    def test_growth_is_no_season(self):
        counts = 200.0 * np.exp(0.3 * np.arange(WEEKS) / 52)
        assert workload.season(counts, FIRST, 52) == pytest.approx(np.ones(52), abs=0.03)

    def test_means_one_over_the_coming_year(self):
        counts, _mean = years_of(50.0, stores=3)
        assert workload.season(counts.sum(axis=(0, 1)), FIRST, 52).mean() == pytest.approx(1.0)

    def test_without_visits_every_week_is_like_another(self):
        assert (workload.season(np.zeros(WEEKS), FIRST) == 1.0).all()


class TestLevel:
    def test_the_kinds_of_a_store_are_its_own_where_it_has_visits(self):
        history = np.zeros((2, 5, WEEKS))
        history[0, 0], history[0, 1] = 30.0, 10.0
        mix = workload.mixes(history)
        assert mix[0, :2] == pytest.approx([0.75, 0.25])
        assert mix[1] == pytest.approx(mix[0])
        assert mix.sum(axis=1) == pytest.approx([1.0, 1.0])

    def test_newcomers_and_guests_raise_a_store_above_its_known_customers(self):
        factors = workload.store_factors(np.array([2400.0, 0.0]), np.array([2000.0, 0.0]))
        assert factors == pytest.approx([1.2, 1.2])

    def test_expected_visits_are_the_pace_times_factor_share_and_season(self):
        history = np.full((1, 5, 104), 10.0)
        pace = np.full((1, 13), 40.0)
        load = workload.work_ahead(history, FIRST, pace, np.array([2600.0]), np.array([2080.0]))
        assert load.first == FIRST + timedelta(weeks=104)
        assert load.expected.sum() == pytest.approx(13 * 40 * 2600 / 2080, rel=0.02)

    @pytest.mark.parametrize("bad", [-1.0, float("nan")])
    def test_refuses_visits_that_nobody_can_have(self, bad):
        history = np.full((1, 5, 104), 10.0)
        pace, one = np.full((1, 13), bad), np.ones(1)
        with pytest.raises(ValueError, match="not negative"):
            workload.work_ahead(history, FIRST, pace, one, one)

    def test_refuses_a_week_that_begins_midweek(self):
        one = np.ones(1)
        with pytest.raises(ValueError, match="Monday"):
            workload.work_ahead(
                np.zeros((1, 5, 104)), FIRST + timedelta(days=1), np.ones((1, 13)), one, one
            )


class TestInterval:
    def test_poisson_quantiles_without_spread(self):
        low, high = workload.interval(np.array([10.0, 0.0]), 0.0)
        assert (low == [6.0, 0.0]).all()
        assert (high == [14.0, 0.0]).all()

    def test_spread_is_the_negative_binomial_of_that_variance(self):
        low, high = workload.interval(np.array([20.0]), 0.25)
        law = nbinom(4, 4 / 24)
        assert law.var() == pytest.approx(20 + 0.25 * 400)
        assert (low[0], high[0]) == (law.ppf(0.1), law.ppf(0.9))

    def test_is_never_narrower_than_poisson(self):
        constant = np.full((3, 52), 30.0)
        assert workload.least_dispersion(constant, constant) == 0.0

    @pytest.mark.parametrize(("rate", "spread"), [(3.0, 0.0), (40.0, 0.0), (40.0, 0.1)])
    def test_eight_of_ten_coming_weeks_lie_inside(self, rate, spread):
        """Back-test: thirteen weeks that the model has not seen, of every store and kind."""
        came, _mean = years_of(rate, spread, stores=40, weeks=WEEKS + 13)
        history = came[:, :, :WEEKS]
        pace = history[:, :, -52:].mean(axis=2).sum(axis=1)
        ones = np.ones(40) * 1e4
        load = workload.work_ahead(history, FIRST, np.repeat(pace[:, None], 13, 1), ones, ones)
        every = workload.of_stores(load)
        new = came[:, :, WEEKS:].sum(axis=1)
        inside = ((new >= every.low) & (new <= every.high)).mean()
        assert 0.75 <= inside <= 0.95
        assert 0.70 <= every.inside <= 0.97

    def test_a_unit_has_the_spread_of_its_sum(self):
        """Stores that err together: the sum is as uncertain as they are, not less."""
        draw = np.random.default_rng(3)
        common = draw.gamma(20.0, 1 / 20.0, WEEKS)
        history = draw.poisson(60.0 * common, (20, 5, WEEKS)).astype(float)
        level = np.full((20, 13), 300.0)
        ones = np.full(20, 1e4)
        load = workload.work_ahead(history, FIRST, level, ones, ones)
        unit = workload.of_unit(load, range(20))
        assert unit.dispersion == pytest.approx(0.05, abs=0.03)

    def test_a_single_store_is_as_in_the_list_of_stores(self):
        history, _mean = years_of(20.0, 0.1)
        ones = np.full(12, 1e4)
        load = workload.work_ahead(history, FIRST, np.full((12, 13), 20.0), ones, ones)
        every, own = workload.of_stores(load), workload.of_unit(load, [3])
        assert (own.low[0] == every.low[3]).all()
        assert (own.expected[0] == every.expected[3]).all()

    def test_too_little_history_has_no_back_test(self):
        history = np.full((1, 5, 60), 4.0)
        one = np.ones(1)
        load = workload.work_ahead(history, FIRST, np.ones((1, 13)), one, one)
        assert load.came.shape[2] == 0
        assert np.isnan(workload.of_stores(load).inside)
