"""Gauss quadrature against a Beta density, normalised to total weight one."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

Floats = NDArray[np.float64]

_SMALLEST_NODE = 1e-290
"""Nodes that round to zero (first shape far below one) are kept positive; integrands that are
smooth at zero do not notice."""


def beta_rule(first: float, second: float, points: int) -> tuple[Floats, Floats]:
    """Nodes and weights with ``sum(w * f(p)) ≈ E[f(P)]``, P ~ Beta(first, second).

    Golub & Welsch (1969, Math. Comp. 23) on the Jacobi recurrence, written for the interval
    [0, 1] so that nodes near zero keep their relative precision when ``second`` is large.

    Returns two arrays of shape (points,), nodes ascending in (0, 1].
    """
    k = np.arange(points, dtype=float)
    total = first + second - 2.0
    diagonal = np.empty(points)
    diagonal[0] = first / (first + second)
    k1 = k[1:]
    diagonal[1:] = (2 * k1 * (k1 + total + 1) + total * first) / (
        (2 * k1 + total) * (2 * k1 + total + 2)
    )
    square = np.empty(points - 1)
    if points > 1:
        square[0] = first * second / ((first + second) ** 2 * (first + second + 1))
    k2 = k[2:]
    square[1:] = (
        k2
        * (k2 + second - 1)
        * (k2 + first - 1)
        * (k2 + total)
        / ((2 * k2 + total) ** 2 * (2 * k2 + total + 1) * (2 * k2 + total - 1))
    )
    nodes, vectors = eigh_tridiagonal(diagonal, np.sqrt(square))
    weights = vectors[0] ** 2
    return np.clip(nodes, _SMALLEST_NODE, 1.0), weights / weights.sum()
