"""Made-up customers with known curves, for tests of the flows."""

import numpy as np

from valuation.cash_flows import CurveMaps, CustomerCurves

MONTHS = 60
NODES = 8


def chebyshev_nodes() -> np.ndarray:
    """8 Chebyshev-Lobatto nodes of (0, 1], the ninth being 0 where E is 0."""
    return (1 - np.cos(np.pi * np.arange(1, NODES + 1) / NODES)) / 2


def month_positions(scale: float) -> np.ndarray:
    k = np.arange(1, MONTHS + 1)
    return np.log1p(k / scale) / np.log1p(MONTHS / scale)


def lagrange(points: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(len(at), len(points)) values of the Lagrange polynomials of ``points``."""
    columns = []
    for j, point in enumerate(points):
        others = np.delete(points, j)
        columns.append(np.prod((at[:, None] - others) / (point - others), axis=1))
    return np.stack(columns, axis=1)


def node_maps(scales: tuple[float, ...] = (6.0, 12.0)) -> CurveMaps:
    nodes = np.concatenate([[0.0], chebyshev_nodes()])
    full = np.stack([lagrange(nodes, month_positions(scale)) for scale in scales])
    return CurveMaps(visits=full[:, :, 1:], alive=full)


def portfolio(customers: int, groups: int, seed: int = 7) -> CustomerCurves:
    rng = np.random.default_rng(seed)
    scale = np.array([6.0, 12.0])
    curve = rng.integers(0, 2, customers)
    nodes = np.concatenate([[0.0], chebyshev_nodes()])
    months = scale[curve][:, None] * np.expm1(nodes * np.log1p(MONTHS / scale[curve])[:, None])
    loss = rng.gamma(4.0, 0.005, customers)[:, None]
    visits = rng.gamma(2.0, 0.06, customers)[:, None]
    return CustomerCurves(
        expected=(visits * -np.expm1(-loss * months) / loss)[:, 1:],
        alive=np.exp(-loss * months),
        curve=curve,
        cap_month=rng.choice([0, 7, 24, 48, MONTHS, MONTHS, MONTHS], customers),
        anchor=rng.uniform(0.8, 1.2, (customers, 2)),
        revenue_per_visit=rng.gamma(3.0, 500.0, customers),
        margin_per_visit=rng.gamma(3.0, 200.0, customers),
        accident_rate=rng.uniform(0.0, 0.3, customers),
        accident_revenue=np.full(customers, 5_000.0),
        accident_margin=np.full(customers, 2_200.0),
        retention_cost=np.full(customers, 60.0),
        group=rng.integers(0, groups, customers),
    )
