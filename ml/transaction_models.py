"""One way to ask any transaction model about the future: BG/NBD, MBG/NBD or MBG/CNBD-k."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml import bgnbd, cnbd
from ml.bgnbd import Parameters
from ml.cnbd import RegularParameters

Floats = NDArray[np.float64]

AnyParameters = Parameters | RegularParameters


def parameters_from(values: dict[str, Any]) -> AnyParameters:
    """Parameters as a model version stores them; those with a ``k`` are MBG/CNBD-k."""
    if "k" in values:
        return RegularParameters.from_dict(values)
    return Parameters.from_dict(values)


def probability_alive(
    params: AnyParameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike
) -> Floats:
    """P(alive at T), shape (n,)."""
    if isinstance(params, RegularParameters):
        return cnbd.probability_alive(params, x, t_x, age)
    return bgnbd.probability_alive(params, x, t_x, age)


def futures(
    params: AnyParameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, t: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """See :func:`ml.bgnbd.futures`."""
    if isinstance(params, RegularParameters):
        return cnbd.futures(params, x, t_x, age, t)
    return bgnbd.futures(params, x, t_x, age, t)


def log_likelihood(params: AnyParameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Floats:
    """Log-likelihood of each history, (n,), of MBG/CNBD-k up to what r, α, a and b do not change
    (its term in the gaps between visits)."""
    if isinstance(params, RegularParameters):
        return cnbd.log_likelihood(params, x, t_x, age, np.zeros(np.shape(x)))
    return bgnbd.log_likelihood(params, x, t_x, age)
