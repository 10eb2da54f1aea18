"""From flows and counters to the stored figures of every unit; children sum to their parent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valuation import books, figures, mix
from valuation.archive import Former
from valuation.bridge import BridgeAssumptions
from valuation.contracted import contracted
from valuation.engine import STREAMS, Inputs, Portfolio
from valuation.history import History, cohort_cube, store_counters
from valuation.lookback import held_against
from valuation.peers import age_mix, places
from valuation.rounding import to_fen
from valuation.sensitivities import monthly_deviation, stacked
from valuation.uncertainty import Band, Sensitivities, value_band
from valuation.units import Node

Integers = NDArray[np.int64]

VISIT_UNITS = 1_000_000
"""Monthly expected visits and customers alive are added as integers of a millionth, so that units
sum exactly."""

MONEY_LINES = ("revenue_fen", "margin_fen", "cost_fen", "present_value_fen")
ADDITIVE_TARGETS = ("visits", "revenue", "margin")
PEER_FIGURES = ("retention", "value_per_customer_fen", "ndr", "nps", "ltv_cac", "return_rate")


@dataclass(frozen=True)
class Lines:
    """Additive figures of one unit: a store's own, or the sum of its children's."""

    stores: int
    monthly: dict[str, Integers]
    streams: dict[str, Integers]
    stream_lines: dict[str, Integers]
    counters: dict[str, int]
    operations: dict[str, Integers]
    targets: dict[str, float]
    mix: dict[str, Integers]
    contracted: dict[str, int]
    lookback: dict[str, Integers]

    @property
    def expected_fen(self) -> int:
        return sum(int(one[1]) for one in self.streams.values())


@dataclass(frozen=True)
class Assembled:
    """``units``: field values of ValuedUnit by unit id; ``confidence`` and ``notes`` of all."""

    units: dict[int, dict[str, Any]]
    confidence: float
    notes: dict[str, Any]


def assemble(
    inputs: Inputs,
    portfolio: Portfolio,
    past: History,
    earlier: Former | None,
) -> Assembled:
    stores = len(inputs.tree.stores)
    cube = cohort_cube(
        inputs.scores["customer"],
        inputs.visits,
        past.first_quarter,
        portfolio.discounted.value_fen,
        inputs.store,
        stores,
        inputs.as_of,
    )
    own = _store_lines(inputs, portfolio, past, earlier)
    nothing = _nothing(own[0])
    lines = inputs.tree.rolled_up(lambda store: own[store], lambda parts: _total(parts, nothing))
    ratios = {unit: figures.ratios(one.counters) for unit, one in lines.items()}
    peers = _peers(inputs, past, ratios)
    group_seed = _seed(inputs, lines[inputs.tree.root.id].counters, None)
    months = _months_of_operations(inputs)
    units = {}
    for node in inputs.tree.nodes:
        one = lines[node.id]
        seed = _seed(inputs, one.counters, group_seed)
        units[node.id] = {
            **_value_fields(inputs, portfolio, node, one),
            "seed_formula": figures.seed_json(seed),
            "bridge": figures.bridge_json(
                seed.inputs, _bridge_terms(inputs, portfolio), one.expected_fen
            ),
            "counters": one.counters,
            "peers": peers.get(node.id, {}),
            "operations": _operations(inputs, node, one, months),
            "cohorts": cube.of(inputs.tree.stores_below(node.id)),
            "mix": _mix_json(one),
            "contracted": one.contracted,
            "lookback": _lookback_json(one, earlier),
        }
    warnings = [str(one) for one in inputs.terms.discount.warnings()]
    notes = _quality_notes(inputs) | {
        "retention_cost_per_month": portfolio.yearly_cost / 12.0,
        "warnings": warnings,
        "complete_through": {
            node.code: inputs.complete_through[node.id].isoformat()
            for node in inputs.tree.stores
            if node.id in inputs.complete_through
        },
        "parameter_covariance": {
            str(fit): risk.covariance.round(12).tolist()
            for fit, risk in zip(inputs.fits.ids, portfolio.risks, strict=True)
        },
    }
    return Assembled(units, inputs.quality.confidence.score, notes)


def _mix(inputs: Inputs, portfolio: Portfolio) -> dict[str, Integers]:
    """(S, M) lines by ``dimension|part|line``: payers of value and revenue, kinds of value."""
    stores = len(inputs.tree.stores)
    found = mix.shares(inputs.visits, inputs.scores["customer"], inputs.store, stores, inputs.as_of)
    lines: dict[str, Integers] = {}
    for name in ("present_value", "revenue"):
        both, part = (
            getattr(one.monthly, name).reshape(stores, 2, -1).sum(axis=1)
            for one in (portfolio.whole, portfolio.accident)
        )
        payers, kinds = mix.split(found, both, part)
        lines |= {f"payer|{one}|{name}_fen": line for one, line in payers.items()}
        if name == "present_value":
            lines |= {f"kind|{one}|{name}_fen": line for one, line in kinds.items()}
    return lines


def _mix_json(one: Lines) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, line in one.mix.items():
        dimension, part, name = key.split("|")
        cell = table.setdefault(dimension, {}).setdefault(part, {})
        cell[name] = [int(v) for v in line]
        if name == "present_value_fen":
            cell["value_fen"] = int(line.sum())
    return table


def _contracted(inputs: Inputs, portfolio: Portfolio) -> dict[str, Integers]:
    """Per store (S,)."""
    stores = len(inputs.tree.stores)
    alive = portfolio.whole.monthly.alive.reshape(stores, 2, -1).sum(axis=1)
    flows = portfolio.whole.monthly
    margin, revenue = (
        line.reshape(stores, 2, -1).sum(axis=(1, 2)).astype(float)
        for line in (flows.margin, flows.revenue)
    )
    rate = np.divide(margin, revenue, out=np.zeros(stores), where=revenue > 0).clip(0.0, 1.0)
    factors = portfolio.regimes.assumptions(inputs.terms, 0.0)
    discount = factors.by_regime[portfolio.regimes.of_store]
    return contracted(inputs.contracts, discount, alive, rate)


def _lookback_json(one: Lines, earlier: Former | None) -> dict[str, Any]:
    if earlier is None or not one.lookback:
        return {}
    return {
        "valuation": earlier.valuation_id,
        "as_of": earlier.as_of.isoformat(),
        **{name: [int(v) for v in line] for name, line in one.lookback.items()},
    }


def _store_lines(
    inputs: Inputs,
    portfolio: Portfolio,
    past: History,
    earlier: Former | None,
) -> list[Lines]:
    stores = len(inputs.tree.stores)
    scores, found = inputs.scores, portfolio.whole.monthly
    value = portfolio.discounted.value_fen
    counters = store_counters(past, scores["population"] == 1, value, inputs.store, stores)
    counters = counters.join(inputs.book)
    monthly = {
        "visits_millionths": np.rint(found.visits * VISIT_UNITS).astype(np.int64),
        "alive_millionths": np.rint(found.alive * VISIT_UNITS).astype(np.int64),
        "revenue_fen": found.revenue,
        "margin_fen": found.margin,
        "cost_fen": found.cost,
        "present_value_fen": found.present_value,
    }
    streams, stream_lines = _streams(inputs, portfolio)
    serving = _serving_stores(inputs)
    operations = books.monthly_operations(inputs.visits, serving, stores, inputs.as_of)
    parts, contracts = _mix(inputs, portfolio), _contracted(inputs, portfolio)
    since: dict[str, Integers] = {}
    if earlier is not None:
        ids = [store.id for store in inputs.tree.stores]
        since = held_against(earlier, inputs.visits, ids, inputs.as_of)
    lines = []
    for store, node in enumerate(inputs.tree.stores):
        both = slice(2 * store, 2 * store + 2)
        expected = int(portfolio.whole.group_value_fen[both].sum())
        lines.append(
            Lines(
                stores=1,
                monthly={name: table[both].sum(axis=0) for name, table in monthly.items()},
                streams={name: table[store] for name, table in streams.items()},
                stream_lines={name: table[store] for name, table in stream_lines.items()},
                counters={name: int(v) for name, v in counters.iloc[store].items()}
                | {"value_fen": expected},
                operations={
                    name: operations[name][store]
                    for name in ("visits", "revenue_fen", "margin_fen")
                },
                targets={
                    name: inputs.targets[node.id, name]
                    for name in ADDITIVE_TARGETS
                    if (node.id, name) in inputs.targets
                },
                mix={name: table[store] for name, table in parts.items()},
                contracted={name: int(column[store]) for name, column in contracts.items()},
                lookback={name: table[store] for name, table in since.items()},
            )
        )
    return lines


def _streams(
    inputs: Inputs, portfolio: Portfolio
) -> tuple[dict[str, Integers], dict[str, Integers]]:
    """Per stream: (S, 3) customers, value, undiscounted; and (S, M) present value lines."""
    stores = len(inputs.tree.stores)
    count = np.zeros(2 * stores, dtype=np.int64)
    np.add.at(count, portfolio.group, 1)
    undiscounted = np.zeros(2 * stores, dtype=np.int64)
    np.add.at(undiscounted, portfolio.group, portfolio.undiscounted.value_fen)
    people, others = slice(0, None, 2), slice(1, None, 2)
    value = portfolio.whole.group_value_fen
    accident, flat = portfolio.accident.group_value_fen, portfolio.accident_undiscounted
    zero = np.zeros(stores, dtype=np.int64)
    totals = {
        "regular": (count[people], (value - accident)[people], (undiscounted - flat)[people]),
        "accident": (zero, accident[people], flat[people]),
        "organisations": (count[others], value[others], undiscounted[others]),
    }
    whole = portfolio.whole.monthly.present_value
    part = portfolio.accident.monthly.present_value
    lines = {
        "regular": (whole - part)[people],
        "accident": part[people],
        "organisations": whole[others],
    }
    return {name: np.stack(columns, axis=1) for name, columns in totals.items()}, lines


def _serving_stores(inputs: Inputs) -> Integers:
    position = {store.id: i for i, store in enumerate(inputs.tree.stores)}
    return inputs.visits["store"].map(position).fillna(-1).to_numpy(dtype=np.int64)


def _total(children: Iterable[Lines], nothing: Lines) -> Lines:
    """The sum of units; ``nothing`` gives the shape of a unit without stores."""
    parts = [one for one in children if one.stores]

    def added(name: str) -> dict[str, Any]:
        zero = getattr(nothing, name)
        return {key: sum((getattr(one, name)[key] for one in parts), zero[key]) for key in zero}

    targets = {
        name: sum(one.targets[name] for one in parts)
        for name in ADDITIVE_TARGETS
        if parts and all(name in one.targets for one in parts)
    }
    return Lines(
        stores=sum(one.stores for one in parts),
        monthly=added("monthly"),
        streams=added("streams"),
        stream_lines=added("stream_lines"),
        counters=added("counters"),
        operations=added("operations"),
        targets=targets,
        mix=added("mix"),
        contracted=added("contracted"),
        lookback=added("lookback"),
    )


def _nothing(like: Lines) -> Lines:
    def zeros(table: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value * 0 for key, value in table.items()}

    return Lines(
        stores=0,
        monthly=zeros(like.monthly),
        streams=zeros(like.streams),
        stream_lines=zeros(like.stream_lines),
        counters=zeros(like.counters),
        operations=zeros(like.operations),
        targets={},
        mix=zeros(like.mix),
        contracted=zeros(like.contracted),
        lookback=zeros(like.lookback),
    )


def _seed(
    inputs: Inputs, counters: Mapping[str, int], group: figures.SeedMeasured | None
) -> figures.SeedMeasured:
    years = max(inputs.score_set.horizon_months // 12, 1)
    return figures.measured_seed(counters, years, inputs.terms.discount.rate, group)


def _bridge_terms(inputs: Inputs, portfolio: Portfolio) -> BridgeAssumptions:
    return BridgeAssumptions(
        inputs.terms.service_cost_rate, portfolio.yearly_cost, inputs.terms.tax_rate
    )


def _value_fields(inputs: Inputs, portfolio: Portfolio, node: Node, one: Lines) -> dict[str, Any]:
    below = inputs.tree.stores_below(node.id)
    band = _band(inputs, portfolio, below, one.expected_fen)
    deviation = monthly_deviation(
        portfolio.shocks_by_month[below],
        inputs.terms.shocks.volatilities(),
        inputs.terms.shocks.store_correlation,
    )
    p5, p50, p95 = (int(one) for one in to_fen([band.p5, band.p50, band.p95]))
    return {
        "customers": one.counters["customers"],
        "expected_fen": one.expected_fen,
        "p5_fen": p5,
        "p50_fen": p50,
        "p95_fen": p95,
        "undiscounted_fen": sum(int(stream[2]) for stream in one.streams.values()),
        "monthly": {
            **{
                name: [int(v) / VISIT_UNITS for v in one.monthly[f"{name}_millionths"]]
                for name in ("visits", "alive")
            },
            **{name: [int(v) for v in one.monthly[name]] for name in MONEY_LINES},
        },
        "streams": {
            name: {
                "customers": int(one.streams[name][0]),
                "expected_fen": int(one.streams[name][1]),
                "undiscounted_fen": int(one.streams[name][2]),
                "present_value_fen": [int(v) for v in one.stream_lines[name]],
            }
            for name in STREAMS
        },
        "uncertainty": _uncertainty(band)
        | {"monthly_deviation_fen": [int(v) for v in to_fen(deviation)]},
    }


def _band(inputs: Inputs, portfolio: Portfolio, below: Integers, expected_fen: int) -> Band:
    gradient, covariance = stacked(portfolio.risks, portfolio.fit_value[below].sum(axis=0))
    after_tax = 1.0 - inputs.terms.tax_rate
    sensitivities = Sensitivities(
        expected=expected_fen / 100.0,
        gradient=gradient,
        covariance=covariance,
        process_variance=float(portfolio.process[below].sum()) * after_tax**2,
        shocks=portfolio.shocks[below],
    )
    return value_band(sensitivities, inputs.terms.shocks, seed=inputs.terms.seed)


def _uncertainty(band: Band) -> dict[str, Any]:
    return {
        "seed": band.seed,
        "draws": band.draws,
        "layers": [
            {
                "name": layer.name,
                "deviation_fen": int(to_fen(layer.deviation)),
                "share": round(layer.share, 6),
                "p5_fen": int(to_fen(layer.p5)),
                "p95_fen": int(to_fen(layer.p95)),
            }
            for layer in band.layers
        ],
    }


def _months_of_operations(inputs: Inputs) -> list[str]:
    end = pd.Period(books.last_complete_month(inputs.as_of), "M")
    return [str(end - back) for back in range(books.MONTHS_SHOWN - 1, -1, -1)]


def _operations(inputs: Inputs, node: Node, one: Lines, months: list[str]) -> dict[str, Any]:
    """Two years of visits, output and margin by serving store; the month's targets."""
    declared = {name: v for (unit, name), v in inputs.targets.items() if unit == node.id}
    below = [inputs.tree.stores[i].id for i in inputs.tree.stores_below(node.id)]
    delivered = [inputs.complete_through[s] for s in below if s in inputs.complete_through]
    return {
        "months": months,
        **{name: [int(v) for v in column] for name, column in one.operations.items()},
        "targets": one.targets | declared,
        "complete_through": min(delivered).isoformat() if delivered else None,
        # A store's own; the page of a unit above shows those of its stores.
        "margin_factors": inputs.factors.get(node.id, []),
        "stores": len(below),
        "stores_delivering": len(delivered),
    }


def _peers(
    inputs: Inputs, past: History, ratios: Mapping[int, Mapping[str, float | None]]
) -> dict[int, dict[str, Any]]:
    """Places among peers (:mod:`valuation.peers`) as they are stored."""
    tree = inputs.tree
    opening, retained = age_mix(past, inputs.car_age, inputs.store, len(tree.stores))
    found = places(tree, ratios, PEER_FIGURES, opening, retained)
    return {
        node.id: {
            "count": found[node.id].peers,
            "of": tree.division_of(node).code if node.level == "store" else node.level,
            "adjusted_retention": found[node.id].adjusted_retention,
            "quantiles": found[node.id].shares,
        }
        for node in tree.nodes
    }


def _quality_notes(inputs: Inputs) -> dict[str, Any]:
    """What stands beside the value: parts of the data confidence, gap to the books, models."""
    quality = inputs.quality
    converged = np.array(inputs.fits.converged)[inputs.fits.index(inputs.scores["fit"])]
    return {
        "parts": {name: round(share, 4) for name, share in quality.confidence.parts.items()},
        "missing": list(quality.confidence.missing_kinds),
        "gap": None if quality.gap is None else round(quality.gap, 6),
        "months_beyond": len(quality.gaps_beyond),
        "converged_share": round(float(converged.mean()), 4) if len(converged) else 0.0,
    }
