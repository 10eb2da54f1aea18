"""Transaction models per division, small divisions leaning on the group.

A cohort is one division's people, or one division's fleets and companies: the two are never mixed
(two fleet-like rows among 1,502 customers moved r from 2.13 to 1.13). A cohort that is too small to
stand alone is fitted together with the whole group's customers of its kind at the weight of
:data:`PRIOR_CUSTOMERS` customers (a power prior: Ibrahim & Chen 2000, Statistical Science 15(1));
one that is smaller still takes the group's parameters.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ml.bgnbd import Parameters
from ml.lifetimes_adapter import (
    AT_THE_BOUND,
    CONVERGED,
    REFUSED,
    TransactionFit,
    fit_bgnbd,
    fit_mbgnbd,
)
from ml.regular_timing import fit_regular
from ml.transaction_models import AnyParameters

PERSON = "person"
ORGANISATION = "organisation"

MIN_CUSTOMERS = 200
MIN_REPEATERS = 50
ALONE_FROM = 5_000
PRIOR_CUSTOMERS = 500.0
REFERENCE_ROWS = 50_000

OWN = "own"
LEANING = "leaning on the group"
GROUP = "the group's"
SHRUNK_RATE = "shrunk rate"


@dataclass(frozen=True)
class CohortFit:
    """The transaction model of one (division, segment).

    ``baseline``: the BG/NBD as fitted, whatever became of it; ``chosen``: the model in use;
    ``regular``: the MBG/CNBD-k as fitted, None where it was not asked for; ``memoryless``: what it
    took the place of, None where it is not in use;
    ``pooling``: one of "own", "leaning on the group", "the group's", "shrunk rate"; ``status``:
    one sentence part for the model page, beginning with the model's name.
    """

    division: str
    segment: str
    customers: int
    repeaters: int
    baseline: TransactionFit
    chosen: TransactionFit
    pooling: str
    status: str
    regular: TransactionFit | None = None
    memoryless: TransactionFit | None = None

    @property
    def params(self) -> AnyParameters:
        if self.chosen.params is None:
            raise ValueError(f"{self.division}/{self.segment} has no usable transaction model")
        return self.chosen.params

    def with_regular(self) -> "CohortFit":
        """The same cohort with MBG/CNBD-k in use; itself where that gave no parameters."""
        if self.regular is None or self.regular.params is None:
            return self
        status = f"{self.regular.model} {self.regular.status}, {self.pooling} parameters"
        return replace(self, chosen=self.regular, memoryless=self.chosen, status=status)

    def without_regular(self) -> "CohortFit":
        """The same cohort with the model in use that MBG/CNBD-k took the place of."""
        if self.memoryless is None:
            return self
        return replace(self, chosen=self.memoryless, memoryless=None)

    def as_dict(self) -> dict[str, Any]:
        return {
            "division": self.division,
            "segment": self.segment,
            "customers": self.customers,
            "repeaters": self.repeaters,
            "baseline": self.baseline.as_dict(),
            "chosen": self.chosen.as_dict(),
            "regular": self.regular.as_dict() if self.regular else None,
            "memoryless": self.memoryless.as_dict() if self.memoryless else None,
            "pooling": self.pooling,
            "status": self.status,
        }


def fit_cohorts(
    statistics: pd.DataFrame, *, regular: bool = False
) -> dict[tuple[str, str], CohortFit]:
    """Fit every (division, segment) present, MBG/CNBD-k beside where ``regular``.

    ``statistics``: x, t_x, T (days), ``division`` str, ``segment`` "person" or "organisation", and
    for MBG/CNBD-k ``litt``.
    Raises ValueError if no customer of the group ever came back: nothing can be learnt then.
    """
    unknown = set(statistics["segment"].unique()) - {PERSON, ORGANISATION}
    if unknown:
        raise ValueError(f"segment must be {PERSON} or {ORGANISATION}, found {sorted(unknown)}")
    group = _Group(statistics, regular)
    fits = {}
    for (division, segment), rows in statistics.groupby(["division", "segment"]):
        fits[str(division), str(segment)] = _fit_one(str(division), str(segment), rows, group)
    if not fits:
        raise ValueError("no lifetime model: there are no customers")
    return fits


@dataclass(frozen=True)
class _Choice:
    baseline: TransactionFit
    chosen: TransactionFit
    pooling: str = GROUP
    regular: TransactionFit | None = None

    @property
    def words(self) -> str:
        model = self.chosen.model
        if self.chosen is self.baseline or self.chosen.model == self.baseline.model:
            return f"{model} {self.chosen.status}"
        return f"{model} {self.chosen.status} (BG/NBD {self.baseline.status})"


class _Group:
    """What small cohorts lean on, worked out only if there is one."""

    def __init__(self, statistics: pd.DataFrame, regular: bool) -> None:
        self.regular = regular
        self._statistics = statistics
        self._choices: dict[str, _Choice] = {}

    def customers(self, segment: str) -> pd.DataFrame:
        """The group's customers of one kind, thinned to REFERENCE_ROWS."""
        return _reference(self._statistics[self._statistics["segment"] == segment])

    def choice(self, segment: str) -> _Choice:
        """The model of that kind; a shrunk rate where the kind is too few to be fitted."""
        if segment not in self._choices:
            rows = self._statistics[self._statistics["segment"] == segment]
            found = _choose(_reference(rows), self.regular) if _is_enough(rows) else None
            if found is None or found.chosen.params is None:
                found = _shrunk_rate(rows, self._anybody())
            self._choices[segment] = found
        return self._choices[segment]

    def _anybody(self) -> _Choice:
        everyone = _choose(_reference(self._statistics), self.regular)
        if everyone.chosen.params is None:
            raise ValueError(f"no lifetime model for the group: {everyone.chosen.reason}")
        return everyone


def _is_enough(rows: pd.DataFrame) -> bool:
    return len(rows) >= MIN_CUSTOMERS and int((rows["x"] > 0).sum()) >= MIN_REPEATERS


def _reference(rows: pd.DataFrame) -> pd.DataFrame:
    """Every k-th customer, in the order of the index, at most REFERENCE_ROWS of them."""
    step = -(-len(rows) // REFERENCE_ROWS)
    return rows.iloc[:: max(step, 1)]


def _choose(rows: pd.DataFrame, regular: bool, weights: np.ndarray | None = None) -> _Choice:
    """BG/NBD where it converges; otherwise MBG/NBD; of two at the bound the likelier."""
    choice = _memoryless(rows, weights)
    if not regular or choice.chosen.params is None:
        return choice
    columns = (rows[name].to_numpy() for name in ("x", "t_x", "T", "litt"))
    return replace(choice, regular=fit_regular(*columns, weights))


def _memoryless(rows: pd.DataFrame, weights: np.ndarray | None) -> _Choice:
    history = (rows["x"].to_numpy(), rows["t_x"].to_numpy(), rows["T"].to_numpy())
    if len(rows) == 0 or not history[2].max() > 0:
        nothing = TransactionFit(
            "BG/NBD", REFUSED, "no customers", None, "none", 0.0, 0.0, None, None, None
        )
        return _Choice(nothing, nothing)
    baseline = fit_bgnbd(*history, weights)
    if baseline.status == CONVERGED:
        return _Choice(baseline, baseline)
    challenger = fit_mbgnbd(*history, weights)
    if challenger.status == CONVERGED or baseline.params is None:
        return _Choice(baseline, challenger)
    if challenger.params is None:
        return _Choice(baseline, baseline)
    likelier = max((baseline, challenger), key=lambda fit: fit.log_likelihood or -np.inf)
    return _Choice(baseline, likelier)


def _fit_one(division: str, segment: str, rows: pd.DataFrame, reference: _Group) -> CohortFit:
    repeaters = int((rows["x"] > 0).sum())
    if not _is_enough(rows):
        group = reference.choice(segment)
        why = f"{len(rows)} customers, {repeaters} came back"
        return CohortFit(
            division,
            segment,
            len(rows),
            repeaters,
            group.baseline,
            group.chosen,
            group.pooling,
            f"{group.words}, {group.pooling} parameters: {why}",
            group.regular,
        )
    if len(rows) >= ALONE_FROM:
        choice, pooling = _choose(rows, reference.regular), OWN
    else:
        same_kind = reference.customers(segment)
        together = pd.concat([rows, same_kind])
        weights = np.ones(len(together))
        weights[len(rows) :] = PRIOR_CUSTOMERS / len(same_kind)
        choice, pooling = _choose(together, reference.regular, weights), LEANING
    if choice.chosen.params is None:
        refused = choice.chosen.reason
        choice = reference.choice(segment)
        pooling = choice.pooling
        words = f"{choice.words}, {pooling} parameters: own fit refused, {refused}"
    else:
        words = f"{choice.words}, {pooling} parameters"
    return CohortFit(
        division,
        segment,
        len(rows),
        repeaters,
        choice.baseline,
        choice.chosen,
        pooling,
        words,
        choice.regular,
    )


def _shrunk_rate(rows: pd.DataFrame, anybody: _Choice) -> _Choice:
    """Too few for any fit: their own visit rate, shrunk to the group's, with its drop-out.

    The mean rate takes the place of r/α while r stays, so that one customer's own visits
    outweigh the mean as fast as they do in the group.
    """
    params = anybody.chosen.params
    if not isinstance(params, Parameters):
        raise ValueError("the group itself has no parameters")
    exposure, visits = float(np.maximum(rows["T"], 1.0).sum()), float(rows["x"].sum())
    group_rate = params.r / params.alpha
    prior_visits = 20.0
    rate = (visits + prior_visits) / (exposure + prior_visits / group_rate)
    status = anybody.chosen.status if anybody.chosen.status != REFUSED else AT_THE_BOUND
    fit = replace(
        anybody.chosen,
        params=replace(params, alpha=params.r / rate),
        status=status,
        reason="rate of these customers shrunk to the group's, drop-out of the group",
        estimator="moments",
        customers=float(len(rows)),
        repeaters=float((rows["x"] > 0).sum()),
        log_likelihood=None,
        slope=None,
        covariance=None,
    )
    return _Choice(anybody.baseline, fit, SHRUNK_RATE)
