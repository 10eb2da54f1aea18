"""A band held against what came: forecasts of simulated worlds, volatilities from other worlds.

The forecast is the product's: BG/NBD by maximum likelihood, curves at eight nodes, Laplace
covariance, variance of each customer's future, reactions to common shocks. The volatilities are
estimated from worlds that are not tested. Over twelve months attrition and volume cannot be told
apart: both change how many visits come; their joint effect is estimated as that of volume, and
attrition's own is set to none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.curves import curves
from ml.lifetime_value import alive_months
from ml.maximum_likelihood import Collapsed, maximise
from valuation.cash_flows import CustomerCurves, value_customers
from valuation.pool_flows import CurveMaps, FlowAssumptions, shock_sensitivities
from valuation.sensitivities import Histories, parameter_risk, process_variance, stacked
from valuation.uncertainty import Band, CommonShocks, Sensitivities, layer_variances, value_band
from valuation.worlds import World

Floats = NDArray[np.float64]

MONTHS = 12


@dataclass(frozen=True)
class Forecast:
    """The next twelve months' margin of a world, undiscounted; by store (S,) too."""

    sensitivities: Sensitivities
    margin_by_store: Floats
    visits_by_store: Floats
    process_by_store: Floats


def forecast(world: World, spend_variation: float) -> Forecast:
    """From the histories of a world alone."""
    params = maximise(Collapsed.of(world.x, world.t_x, world.age), False)[1].params
    future = curves(params, world.x, world.t_x, world.age, MONTHS)
    count, stores = len(world.x), int(world.store.max()) + 1
    maps = CurveMaps(future.map.cumulative[None], alive_months(future.map)[None])
    margin = np.full(count, world.mean_margin)
    nothing = np.zeros(count)
    rows = CustomerCurves(
        expected=future.visits,
        alive=np.column_stack([future.p_alive, future.alive]),
        curve=np.zeros(count, dtype=np.int64),
        cap_month=np.full(count, MONTHS),
        anchor=np.ones((count, 2)),
        revenue_per_visit=margin,
        margin_per_visit=margin,
        accident_revenue=nothing,
        accident_margin=nothing,
        group=world.store,
    )
    flat = FlowAssumptions(np.ones(MONTHS))
    whole = value_customers(rows, maps, flat, stores)
    visits = future.visits @ future.map.monthly.sum(axis=0)
    variance = process_variance(
        [future.map],
        rows.curve,
        rows.alive,
        params.r + world.x,
        visits,
        margin,
        nothing,
        0.0,
        spend_variation,
    )
    some = Histories(world.x, world.t_x, world.age, rows.cap_month, margin, nothing)
    risk = parameter_risk(params, some, np.ones(MONTHS), spend_variation)
    by_store = whole.group_value_fen / 100.0
    gradient, covariance = stacked([risk], np.array([by_store.sum()]))
    return Forecast(
        Sensitivities(
            expected=float(by_store.sum()),
            gradient=gradient,
            covariance=covariance,
            process_variance=float(variance.sum()),
            shocks=shock_sensitivities(whole.sums, whole.cells, maps, flat, stores),
        ),
        by_store,
        np.bincount(world.store, visits, stores).astype(np.float64),
        np.bincount(world.store, variance, stores).astype(np.float64),
    )


def estimated_shocks(
    worlds: Sequence[World], forecasts: Sequence[Forecast], spend_variation: float
) -> CommonShocks:
    """Volatilities and store correlation from how worlds came out against their forecasts.

    Residuals are logs of realised over expected by world and store: of margin a visit and of the
    number of visits. What a store's chance alone makes (Poisson visits of an uncertain rate,
    spend) is taken off their mean square; what pairs of stores share is the mean of products.
    The remaining mean square includes the forecast's own bias.
    """
    margin, volume, noise_margin, noise_volume = [], [], [], []
    for world, found in zip(worlds, forecasts, strict=True):
        stores = len(found.margin_by_store)
        visits = np.bincount(world.store, world.future_visits, stores)
        money = np.bincount(world.store, world.future_margin, stores)
        volume.append(np.log(visits / found.visits_by_store))
        margin.append(np.log(money / visits / world.mean_margin))
        spread = found.process_by_store / found.margin_by_store**2
        chance_of_spend = spend_variation**2 / visits
        noise_volume.append(np.maximum(spread - chance_of_spend, 0.0))
        noise_margin.append(chance_of_spend)
    volatility = {}
    correlations = []
    for name, residual, noise in (
        ("margin", np.array(margin), np.array(noise_margin)),
        ("volume", np.array(volume), np.array(noise_volume)),
    ):
        square = max(float((residual**2).mean() - noise.mean()), 0.0)
        stores = residual.shape[1]
        total = residual.sum(axis=1)
        shared = float(((total**2 - (residual**2).sum(axis=1)) / (stores * (stores - 1))).mean())
        volatility[name] = float(np.sqrt(square))
        correlations.append((square, shared))
    square, shared = (sum(one[i] for one in correlations) for i in (0, 1))
    correlation = min(max(shared / square, 0.0), 1.0) if square > 0 else 0.0
    return CommonShocks(
        0.0, volatility["margin"], volatility["volume"], correlation, "estimated on other worlds"
    )


@dataclass(frozen=True)
class Held:
    """One world: its band and what came; the shares of the layers."""

    band: Band
    realised: float

    @property
    def inside(self) -> bool:
        return self.band.p5 <= self.realised <= self.band.p95


def hold(world: World, found: Forecast, shocks: CommonShocks, seed: int) -> Held:
    """The band of a world under ``shocks``, and the margin that came."""
    return Held(
        value_band(found.sensitivities, shocks, seed=seed), float(world.future_margin.sum())
    )


def layer_shares(found: Forecast, shocks: CommonShocks) -> dict[str, float]:
    """Share of each layer in the variance."""
    variances = layer_variances(found.sensitivities, shocks)
    whole = sum(variances.values())
    return {name: value / whole for name, value in variances.items()}
