"""Churn and the twelve-month forecast as of a year before the end, against what then happened."""

from typing import Any

from config.bench.catalogue import Order
from config.bench.group import load, memory
from config.bench.measurement import Stages
from ml.asof import checked_as_of
from ml.backtest import DivisionResult, back_test
from ml.churn import YEAR
from ml.configuration import DEFAULTS
from ml.extraction import extract
from organization.access import Access, entered
from organization.tenants import choose_tenant

LARGE = 200_000
# Set for dealer data of a simulator other than the generated group's: there they are a measure
# of comparison, not a promise. PR-AUC and lift depend on how many do not return.
CHURN_BARS = {
    "large": {"roc_auc": 0.765, "pr_auc": 0.72, "lift_10": 2.05, "ece": 0.015, "bias": 0.01},
    "small": {"roc_auc": 0.76, "pr_auc": 0.71, "lift_10": 2.05, "ece": 0.025, "bias": 0.015},
}
LEAST_GAIN = 0.07
FORECAST_BARS = {
    "visits": {"bias": 0.03, "worst_brand": 0.05, "spearman": 0.50, "mae": 0.70},
    "revenue": {"bias": 0.05, "worst_brand": 0.08, "spearman": 0.36},
    "margin": {"bias": 0.05},
}
AT_LEAST = frozenset({"roc_auc", "pr_auc", "lift_10", "spearman", "gain"})


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: ``churn``, ``forecast`` by rung and measure (customers at risk and all),
    ``comparable``: what makes the figures comparable with those of other data, ``bars`` with what
    was found, asked and whether it holds."""
    stages = Stages()
    load(order, stages)
    access = Access.system(choose_tenant(None).pk, "bench")
    as_of = checked_as_of(access, None)
    with memory() as used:
        with stages.timed("extract"), entered(access):
            data = extract(as_of)
        with stages.timed("back_test"):
            results = back_test(data, as_of - YEAR, DEFAULTS)
    whole = {one.rung: one.result for one in results if one.division is None}
    churn = whole["champion"]["churn"]
    forecast = {
        rung: {
            measure: {
                "at_risk": result["at_risk"][measure],
                "everybody": result["cards"][measure],
                "worst_brand": _worst_brand(results, rung, measure),
            }
            for measure in FORECAST_BARS
        }
        for rung, result in whole.items()
    }
    return {
        "seconds": stages.seconds,
        **used.figures(),
        "origin": (as_of - YEAR).isoformat(),
        "churn": {"metrics": churn["metrics"], "baselines": churn["baselines"]},
        "forecast": forecast,
        "comparable": whole["champion"]["comparable"],
        "chosen": whole["champion"]["choices"],
        "bars": _bars(order.customers, churn, forecast["champion"]),
    }


def _worst_brand(results: list[DivisionResult], rung: str, measure: str) -> float:
    """The bias farthest from 0 among the divisions, all customers."""
    biases = [
        one.result["cards"][measure]["bias"]
        for one in results
        if one.rung == rung and one.division is not None
    ]
    return max((bias for bias in biases if bias is not None), key=abs)


def _bars(
    customers: int, churn: dict[str, Any], forecast: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    asked = CHURN_BARS["large" if customers >= LARGE else "small"]
    bars = {f"churn {name}": _bar(name, churn["metrics"][name], bar) for name, bar in asked.items()}
    gain = churn["metrics"]["roc_auc"] - max(churn["baselines"].values())
    bars["churn gain over recency and P(alive)"] = _bar("gain", gain, LEAST_GAIN)
    for measure, wanted in FORECAST_BARS.items():
        for name, bar in wanted.items():
            card = forecast[measure]
            found = card["worst_brand"] if name == "worst_brand" else card["at_risk"][name]
            bars[f"{measure} {name}"] = _bar(name, found, bar)
    return bars


def _bar(name: str, found: float, bar: float) -> dict[str, Any]:
    holds = found >= bar if name in AT_LEAST else abs(found) <= bar
    return {"found": round(found, 4), "bar": bar, "holds": holds}
