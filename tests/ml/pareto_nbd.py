"""Pareto/NBD (Schmittlein, Morrison & Colombo 1987), an independent yardstick for the tests.

Written from Fader & Hardie (2005), "A note on deriving the Pareto/NBD model and related
expressions", equations for the likelihood with the two forms of the Gauss hypergeometric function.
"""

import numpy as np
from scipy.special import gammaln, hyp2f1


def log_likelihood(r, alpha, s, beta, x, t_x, age):
    """Log-likelihood of each history, shape (n,)."""
    total = r + s + x
    if alpha >= beta:
        base, other, gap = alpha, s + 1.0, alpha - beta
    else:
        base, other, gap = beta, r + x, beta - alpha
        other = np.asarray(other)

    def part(t):
        return hyp2f1(total, other, total + 1.0, gap / (base + t)) * np.exp(
            -total * np.log(base + t)
        )

    alive = np.exp(-(r + x) * np.log(alpha + age) - s * np.log(beta + age))
    dead = s / total * (part(t_x) - part(age))
    return gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.log(alive + dead)
