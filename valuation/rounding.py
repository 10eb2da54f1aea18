"""From yuan to integer fen, and integers that sum to their parents.

Rounding is half to even. Parts are made to sum to a given whole by the method of largest
remainders (Hamilton): everyone gets the floor of the exact share, and what is left goes to the
largest remainders, the earlier of equals first. Sums of integers do not depend on their order, so
every total can be reproduced to the fen.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEN_PER_YUAN = 100
MAX_FEN = 2**53
"""Above this a float64 no longer holds every integer: about 90 trillion yuan."""

Integers = NDArray[np.int64]


def to_fen(yuan: ArrayLike) -> Integers:
    """Round yuan (any shape) half-even to integer fen.

    Raises ``ValueError`` for a value that is not finite or beyond :data:`MAX_FEN`.
    """
    return _whole(np.asarray(yuan, dtype=np.float64) * FEN_PER_YUAN)


def _whole(values: NDArray[np.float64]) -> Integers:
    rounded = np.rint(values)
    bad = ~(np.abs(rounded) <= MAX_FEN)
    if bad.any():
        first = values[bad].flat[0]
        raise ValueError(f"{int(bad.sum())} amounts are not finite money, the first is {first} fen")
    return rounded.astype(np.int64)


def fit_to_total(values: ArrayLike, totals: ArrayLike) -> Integers:
    """Integers near ``values`` that sum to ``totals`` along the last axis.

    ``values``: (..., n) exact parts in fen, of either sign; ``totals``: (...) integer fen. What the
    total has beyond the sum of the parts is first spread in proportion to their size (evenly where
    all are 0), then the largest remainders decide. A zero part among others stays zero or takes at
    most one fen.

    Raises ``ValueError`` where values are not finite, n is 0, or shapes do not agree.
    """
    parts = np.asarray(values, dtype=np.float64)
    whole = np.asarray(totals)
    if not np.issubdtype(whole.dtype, np.integer):
        raise ValueError(f"totals must be integer fen, not {whole.dtype}")
    if parts.ndim == 0 or parts.shape[-1] == 0 or parts.shape[:-1] != whole.shape:
        raise ValueError(f"parts of shape {parts.shape} cannot sum to totals of {whole.shape}")
    if not np.isfinite(parts).all():
        raise ValueError("parts must be finite")
    size = np.abs(parts)
    weight = size.sum(axis=-1, keepdims=True)
    even = np.broadcast_to(1.0 / parts.shape[-1], parts.shape)
    share = np.divide(size, weight, out=even.copy(), where=weight > 0)
    gap = whole[..., None] - parts.sum(axis=-1, keepdims=True)
    return _largest_remainders(parts + gap * share, whole.astype(np.int64))


def apportion(totals: ArrayLike, weights: ArrayLike) -> Integers:
    """Split integer ``totals`` (...) in proportion to ``weights`` (..., n), none negative.

    Weights that are all 0 share evenly. Raises ``ValueError`` for a negative or infinite weight.
    """
    shares = np.asarray(weights, dtype=np.float64)
    if not np.isfinite(shares).all() or (shares < 0).any():
        raise ValueError("weights must be finite and not negative")
    largest = shares.max(axis=-1, keepdims=True, initial=0.0)
    scaled = np.divide(shares, largest, out=np.zeros_like(shares), where=largest > 0)
    whole = np.asarray(totals)
    total_weight = scaled.sum(axis=-1, keepdims=True)
    even = np.full_like(scaled, 1.0 / max(shares.shape[-1], 1))
    fractions = np.divide(scaled, total_weight, out=even, where=total_weight > 0)
    return fit_to_total(whole[..., None] * fractions, whole)


def _largest_remainders(exact: NDArray[np.float64], totals: Integers) -> Integers:
    floor = np.floor(exact)
    remainder = exact - floor
    shares = _whole(floor)
    left = totals - shares.sum(axis=-1)
    # Float error may leave a fen too many or too few; whole rounds for everyone absorb any gap.
    rounds, extra = np.divmod(left, exact.shape[-1])
    shares += rounds[..., None]
    order = np.argsort(-remainder, axis=-1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(exact.shape[-1]), axis=-1)
    return shares + (rank < extra[..., None])
