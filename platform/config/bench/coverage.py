"""Does the band cover? Simulated worlds with common shocks, volatilities from other worlds."""

import logging
from typing import Any

import numpy as np

from config.bench.catalogue import Order
from config.bench.measurement import PeakMemory, Stages
from valuation.backtest import estimated_shocks, forecast, hold, layer_shares
from valuation.worlds import Nature, draw_world

logger = logging.getLogger(__name__)

WORLDS, TRAINING = 200, 300
# Seeds of the worlds that volatilities are learnt on lie apart from those tested.
APART = 1_000_000


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: share of worlds inside P5-P95, below and above, layers, volatilities."""
    stages = Stages()
    nature = Nature(customers=order.customers)
    variation = nature.spend_variation
    with PeakMemory() as used:
        with stages.timed("learn"):
            others = [draw_world(nature, APART * order.seed + i) for i in range(TRAINING)]
            forecasts = [forecast(world, variation) for world in others]
            shocks = estimated_shocks(others, forecasts, variation)
        held, shares = [], []
        with stages.timed("test"):
            for number in range(WORLDS):
                world = draw_world(nature, 2 * APART * order.seed + APART // 2 + number)
                found = forecast(world, variation)
                held.append(hold(world, found, shocks, seed=number))
                shares.append(layer_shares(found, shocks))
    below = sum(one.realised < one.band.p5 for one in held)
    above = sum(one.realised > one.band.p95 for one in held)
    ratio = [one.realised / one.band.expected for one in held]
    return {
        "seconds": stages.seconds,
        **used.figures(),
        "worlds": WORLDS,
        "learnt_on": TRAINING,
        "covered": round(1 - (below + above) / WORLDS, 4),
        "below_p5": below,
        "above_p95": above,
        "mean_realised_over_expected": round(float(np.mean(ratio)), 4),
        "layers": {
            name: round(float(np.mean([one[name] for one in shares])), 4) for name in shares[0]
        },
        "shocks": {
            name: round(getattr(shocks, name), 4)
            for name in ("attrition", "margin", "volume", "store_correlation")
        },
        "shocks_drawn": {
            name: getattr(nature.shocks, name)
            for name in ("attrition", "margin", "volume", "store_correlation")
        },
    }
