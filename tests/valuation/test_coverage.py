"""The band against simulated worlds: three of them here, two hundred in ``bench coverage``."""

import numpy as np
import pytest

from valuation.backtest import estimated_shocks, forecast, hold
from valuation.uncertainty import CommonShocks
from valuation.worlds import Nature, draw_world

NATURE = Nature()
# As `estimated_shocks` finds them on two hundred worlds of this nature.
LEARNT = CommonShocks(0.0, 0.0506, 0.0887, 0.589, "estimated on other worlds")


def test_three_worlds():
    held = []
    for seed in (101, 102, 103):
        world = draw_world(NATURE, seed)
        held.append(hold(world, forecast(world, NATURE.spend_variation), LEARNT, seed))
    # A band of 90% misses one in ten: two misses of three would be news.
    assert sum(one.inside for one in held) >= 2
    # Wide enough to be honest, narrow enough to say something.
    width = np.mean([(one.band.p95 - one.band.p5) / one.band.expected for one in held])
    assert 0.15 < width < 0.45


def test_volatilities_are_found_again():
    worlds = [draw_world(NATURE, seed) for seed in range(20)]
    variation = NATURE.spend_variation
    found = estimated_shocks(worlds, [forecast(one, variation) for one in worlds], variation)
    # The margin's is the one drawn; the volume's holds attrition and the forecast's own error too.
    assert found.margin == pytest.approx(NATURE.shocks.margin, rel=0.35)
    assert found.volume == pytest.approx(LEARNT.volume, rel=0.35)
    assert 0.3 < found.store_correlation < 0.8


def test_without_shocks_the_forecast_is_right_on_average():
    calm = Nature(customers=3_000, shocks=CommonShocks(0.0, 0.0, 0.0, 0.0))
    ratios = []
    for seed in range(4):
        world = draw_world(calm, seed)
        found = forecast(world, calm.spend_variation)
        ratios.append(world.future_margin.sum() / found.sensitivities.expected)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.04)


def test_a_world_is_the_same_for_the_same_seed():
    one, again, other = (draw_world(Nature(customers=200), seed) for seed in (5, 5, 6))
    assert one.future_margin.sum() == again.future_margin.sum()
    assert one.future_margin.sum() != other.future_margin.sum()


def test_more_volume_brings_more_visits():
    rough = Nature(customers=4_000, stores=2, shocks=CommonShocks(0.0, 0.0, 0.5, 1.0))
    visits = [draw_world(rough, seed).future_visits.sum() for seed in range(6)]
    calm = Nature(customers=4_000, stores=2, shocks=CommonShocks(0.0, 0.0, 0.0, 0.0))
    quiet = [draw_world(calm, seed).future_visits.sum() for seed in range(6)]
    assert np.std(np.log(visits)) > 3 * np.std(np.log(quiet))
