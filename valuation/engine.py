"""The valuation of a group: from one score set and one assumption set to every unit, to the fen.

Reads everything inside one transaction, computes on arrays, writes a valuation once. The same
inputs give the same figures; asking again for them answers with the valuation that is there.
"""

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection
from numpy.typing import NDArray

from customers.quality.report import Assessment, assessed
from ml.extraction import visit_days
from ml.models import ScoreSet
from ml.publication import score_set_of
from ml.transaction_models import AnyParameters, parameters_from
from organization import audit
from organization.access import Access, entered
from valuation import archive, books, history, mix
from valuation.assumptions import Terms, current_assumptions, terms_of
from valuation.cash_flows import (
    CustomerCurves,
    CustomerValues,
    Present,
    present,
    value_customers,
)
from valuation.contracted import ContractBook, read_book
from valuation.inputs import (
    Fits,
    Scores,
    customer_curves,
    read_cars,
    read_fits,
    read_scores,
)
from valuation.margin_factors import factors_by_store
from valuation.models import Assumptions, Valuation
from valuation.peers import a_year_before, car_age_class
from valuation.pool_flows import FlowAssumptions, shock_sensitivities
from valuation.regimes import Regimes, regimes_of
from valuation.sensitivities import (
    Histories,
    ParameterRisk,
    monthly_reactions,
    parameter_risk,
    process_variance,
)
from valuation.units import Tree

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Bumped when a change of code changes figures; part of the input hash.
CODE_VERSION = "4"
WORK = ("warranty_work", "repair", "maintenance")
STREAMS = ("regular", "accident", "organisations")


@dataclass(frozen=True)
class Inputs:
    """Everything that a valuation depends on. ``store`` (N,): position in ``tree.stores``;
    ``car_age`` (N,): position in ``valuation.peers.CAR_AGES``."""

    as_of: dt.date
    score_set: ScoreSet
    assumptions: Assumptions
    tree: Tree
    scores: Scores
    fits: Fits
    store: Integers
    car_age: Integers
    visits: pd.DataFrame
    factors: dict[int, list[dict[str, Any]]]
    purchases: pd.DataFrame
    book: pd.DataFrame
    contracts: ContractBook
    complete_through: dict[int, dt.date]
    targets: dict[tuple[int, str], float]
    quality: Assessment
    excluded: dict[str, int]

    @cached_property
    def terms(self) -> Terms:
        return terms_of(self.assumptions.values)

    @property
    def input_hash(self) -> str:
        """SHA-256 over scores, models, assumptions, records and code version."""
        digest = hashlib.sha256()
        facts = {
            "code": CODE_VERSION,
            "as_of": self.as_of,
            "model_version": self.score_set.model_version,
            "data_hash": self.score_set.data_hash,
            "horizon": self.score_set.horizon_months,
            "scores": self.scores.digest,
            "fits": self.fits.parameters,
            "assumptions": [self.assumptions.version, self.assumptions.values],
            "units": [(n.id, n.code, n.level, n.path, n.authorised_until) for n in self.tree.nodes],
            "complete_through": sorted(self.complete_through.items()),
            "targets": sorted((unit, name, v) for (unit, name), v in self.targets.items()),
            "confidence": self.quality.confidence,
            "gap": self.quality.gap,
            "excluded": self.excluded,
        }
        digest.update(json.dumps(facts, sort_keys=True, default=str).encode())
        for column in (*vars(self.contracts).values(), self.car_age):
            digest.update(np.ascontiguousarray(column).tobytes())
        for frame in (self.visits, self.purchases, self.book):
            rows = np.sort(pd.util.hash_pandas_object(frame, index=False).to_numpy())
            digest.update(rows.tobytes())
        return digest.hexdigest()


def read_inputs(access: Access, score_set: ScoreSet, assumptions: Assumptions) -> Inputs:
    """Read all inputs of the score set's date, inside the entered ``access``."""
    as_of = score_set.as_of
    tree = Tree.read()
    # The visits first: while they are read they need the most memory of all.
    visits, factors = _visits(as_of)
    scores = read_scores(score_set.pk)
    book = books.book_counters(tree, as_of)
    months = score_set.horizon_months
    stores = [store.id for store in tree.stores]
    contracts = read_book(stores, as_of, months, books.renewal_rates(book))
    return Inputs(
        as_of=as_of,
        score_set=score_set,
        assumptions=assumptions,
        tree=tree,
        scores=scores,
        fits=read_fits(scores),
        store=tree.store_index(scores["store"]),
        car_age=car_age_class(scores["customer"], read_cars(), a_year_before(as_of)),
        visits=visits,
        factors=factors_by_store(factors, tree, pd.Timestamp(books.last_complete_month(as_of))),
        purchases=books.purchases(as_of),
        book=book,
        contracts=contracts,
        complete_through=books.complete_through(as_of),
        targets=books.targets(books.last_complete_month(as_of)),
        quality=assessed(access, as_of),
        excluded=books.exclusions(len(scores)),
    )


VISIT_COLUMNS = (
    *("customer", "store", "day", "revenue", "margin", "accident_revenue", "accident_margin"),
)


def _visits(as_of: dt.date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Visit days with what a valuation counts, and the margin factors.

    Shares need no more than single precision and a mark: six million rows are in memory.
    """
    visits, factors = visit_days(as_of)
    payers = {f"revenue_{payer}": "float32" for payer in mix.PAYERS}
    small = payers | dict.fromkeys(WORK, "int8")
    return visits[[*VISIT_COLUMNS, *small]].astype(small), factors


@dataclass(frozen=True)
class Portfolio:
    """Values and flows of all customers, and what the band needs.

    ``whole`` and ``accident`` have 2·S groups: store s's people at 2s, its organisations at 2s+1.
    ``fit_value`` (S, F): discounted margin by store and fit; ``variance`` (N,) of each customer's
    value and ``process`` (S,) of the stores', in yuan².
    """

    regimes: Regimes
    yearly_cost: float
    group: Integers
    discounted: Present
    undiscounted: Present
    whole: CustomerValues
    accident: CustomerValues
    accident_undiscounted: Integers
    fit_value: Floats
    variance: Floats
    process: Floats
    shocks: Floats
    shocks_by_month: Floats
    risks: list[ParameterRisk]


def retention_cost(terms: Terms, book: pd.DataFrame, p_alive: Floats) -> float:
    """Yuan per month alive: as assumed, or last year's retention marketing by customers alive."""
    if terms.retention_cost_per_month is not None:
        return terms.retention_cost_per_month
    alive = float(p_alive.sum())
    spent = float(book["retention_spend_fen"].sum()) / 100.0
    return round(spent / (12.0 * alive), 2) if alive > 0 else 0.0


def value_portfolio(inputs: Inputs) -> Portfolio:
    """Value every customer and add up the flows of stores.

    Tax, where it is on, takes its share of every flow, so it is a factor of the discount factors.
    """
    terms, scores, fits = inputs.terms, inputs.scores, inputs.fits
    maps, months = fits.maps, inputs.score_set.horizon_months
    yearly = 12.0 * retention_cost(terms, inputs.book, scores["p_alive"])
    regimes = regimes_of(inputs.tree, terms, inputs.as_of, months)
    flows = regimes.assumptions(terms, yearly)
    flat = replace(flows, discount=np.full_like(flows.discount, 1.0 - terms.tax_rate))
    group = 2 * inputs.store + scores["organisation"]
    groups = 2 * len(inputs.tree.stores)
    customers = customer_curves(scores, fits, group, regimes.of_store[inputs.store])
    nothing = np.zeros(len(scores))
    accidents = replace(customers, margin_per_visit=nothing, revenue_per_visit=nothing)
    # The cost of keeping customers belongs to the regular stream.
    only, only_flat = (replace(one, retention_cost=0.0) for one in (flows, flat))
    whole = value_customers(customers, maps, flows, groups)
    discounted = present(customers, maps, flows)
    reactions = shock_sensitivities(whole.sums, whole.cells, maps, flows, groups)
    variance = _variance(inputs, customers, discounted)
    return Portfolio(
        regimes=regimes,
        yearly_cost=yearly,
        group=group,
        discounted=discounted,
        undiscounted=present(customers, maps, flat),
        whole=whole,
        accident=value_customers(accidents, maps, only, groups),
        accident_undiscounted=_by_group(
            present(accidents, maps, only_flat).value_fen, group, groups
        ),
        fit_value=_fit_values(inputs, customers, discounted),
        variance=variance,
        process=np.bincount(inputs.store, variance, len(inputs.tree.stores)).astype(np.float64),
        shocks=reactions.reshape(-1, 2, reactions.shape[1]).sum(axis=1),
        shocks_by_month=_reactions_by_month(whole, flows, regimes),
        risks=_parameter_risks(inputs, customers, flows.by_regime),
    )


def _by_group(values: Integers, group: Integers, groups: int) -> Integers:
    total = np.zeros(groups, dtype=np.int64)
    np.add.at(total, group, values)
    return total


def _fit_values(inputs: Inputs, customers: CustomerCurves, found: Present) -> Floats:
    margin = found.visits * customers.margin_per_visit
    margin += found.months_alive * customers.accident_margin
    total = np.zeros((len(inputs.tree.stores), len(inputs.fits.ids)))
    np.add.at(total, (inputs.store, customers.curve), margin)
    return total * (1.0 - inputs.terms.service_cost_rate)


def _variance(inputs: Inputs, customers: CustomerCurves, found: Present) -> Floats:
    """Of each customer's value before tax, yuan²."""
    shapes = np.array([_parameters(one).r for one in inputs.fits.parameters])
    accidents = inputs.visits.loc[inputs.visits["accident_revenue"] > 0, "accident_margin"]
    variance = process_variance(
        inputs.fits.curve_maps,
        customers.curve,
        customers.alive,
        shapes[customers.curve] + inputs.scores["frequency"],
        found.visits,
        customers.margin_per_visit,
        found.months_alive * customers.accident_margin,
        float(accidents.mean()) if len(accidents) else 0.0,
        inputs.terms.spend_variation,
    )
    return variance * (1.0 - inputs.terms.service_cost_rate) ** 2


def _parameters(stored: dict[str, Any]) -> AnyParameters:
    return parameters_from(stored["chosen"]["params"])


def _reactions_by_month(whole: CustomerValues, flows: FlowAssumptions, regimes: Regimes) -> Floats:
    def of_stores(lines: Any) -> Floats:
        return np.asarray(lines.reshape(-1, 2, lines.shape[1]).sum(axis=1), dtype=np.float64)

    monthly = whole.monthly
    return monthly_reactions(
        of_stores(monthly.margin) / 100.0,
        of_stores(monthly.cost) / 100.0,
        of_stores(monthly.alive),
        flows.by_regime[regimes.of_store],
        flows.service_cost_rate,
    )


def _parameter_risks(
    inputs: Inputs, customers: CustomerCurves, discount: Floats
) -> list[ParameterRisk]:
    """Of each fit, discounted as most of its customers are."""
    risks = []
    for number, stored in enumerate(inputs.fits.parameters):
        rows = customers.curve == number
        usual = int(np.bincount(customers.regime[rows], minlength=1).argmax())
        some = Histories(
            x=inputs.scores["frequency"][rows].astype(float),
            t_x=inputs.scores["recency_days"][rows].astype(float),
            age=inputs.scores["age_days"][rows].astype(float),
            cap_month=customers.cap_month[rows],
            margin_per_visit=customers.margin_per_visit[rows],
            margin_per_month=inputs.scores["accident_margin"][rows],
        )
        variation = inputs.terms.spend_variation
        risks.append(parameter_risk(_parameters(stored), some, discount[usual], variation))
    return risks


def create_valuation(access: Access, as_of: dt.date) -> tuple[Valuation, bool]:
    """Value the group as of a day; the valuation and whether it is new.

    Raises :class:`ml.asof.DateRefused` where the day has no published score set.
    """
    score_set = score_set_of(access, as_of)
    with entered(access):
        with connection.cursor() as cursor:
            # Two people asking at once get one valuation, not a violated constraint.
            cursor.execute(
                "select pg_advisory_xact_lock(hashtext('valuation'), %s::int)", [access.tenant_id]
            )
        assumptions = current_assumptions(access.tenant_id, access.label, as_of)
        inputs = read_inputs(access, score_set, assumptions)
        digest = inputs.input_hash
        known: Valuation | None = Valuation.objects.filter(input_hash=digest).first()
        if known is not None:
            return known, False
        created = _compute_and_write(access, inputs, digest)
        audit.record(
            access,
            "valuation.created",
            f"valuation:{created.pk}",
            as_of=str(as_of),
            input_hash=digest,
            assumptions=assumptions.version,
        )
    return created, True


def _compute_and_write(access: Access, inputs: Inputs, digest: str) -> Valuation:
    from valuation.assembly import assemble

    portfolio = value_portfolio(inputs)
    past = history.history(inputs.scores["customer"], inputs.visits, inputs.purchases, inputs.as_of)
    earlier = archive.year_ago(inputs.as_of)
    assembled = assemble(inputs, portfolio, past, earlier)
    return archive.write(access, inputs, portfolio, past, assembled, digest)
