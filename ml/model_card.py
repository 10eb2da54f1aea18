"""A model version in words and tables that a person can judge."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ml.feature_names import feature_name
from ml.models import ModelVersion, ScoreSet
from web import formats
from web.tables import Column

SEGMENTS = {
    "person": gettext_lazy("Individuals"),
    "organisation": gettext_lazy("Fleets and companies"),
}
# What the measures of a forecast say, for those who do not compute them every day.
MEASURED_HELP = {
    "roc_auc": gettext_lazy(
        "How often of two customers the one who stayed away had the higher risk: 0.5 is chance,"
        " 1 perfect"
    ),
    "pr_auc": gettext_lazy(
        "How many of those called first really stayed away; chance gives the share that stayed away"
    ),
    "lift_10": gettext_lazy(
        "How many times more often than the average the tenth with the highest risk stayed away"
    ),
    "brier": gettext_lazy("Mean squared error of the probability: the smaller the better"),
    "ece": gettext_lazy("How far probabilities lie from what happened, on average: 0 is perfect"),
}
RANKING_COLUMNS = [
    Column("roc_auc", "ROC-AUC", "ratio", help=MEASURED_HELP["roc_auc"]),
    Column("pr_auc", "PR-AUC", "ratio", help=MEASURED_HELP["pr_auc"]),
    Column(
        "lift_10", gettext_lazy("Lift in the top tenth"), "ratio", help=MEASURED_HELP["lift_10"]
    ),
]
CHECKS = {
    "all scores are numbers": gettext_lazy("All scores are numbers"),
    "every customer is scored": gettext_lazy("Every customer is scored or named as left out"),
    "hardly fewer customers than before": gettext_lazy("Hardly fewer customers than before"),
    "the data can be trusted": gettext_lazy("Data confidence is above the floor"),
    "every cohort has a usable transaction model": gettext_lazy(
        "Every division and segment has a usable transaction model"
    ),
    "churn ranks better than chance": gettext_lazy("Churn ranks better than chance"),
    "churn probabilities meet the rate": gettext_lazy(
        "Mean churn probability meets the rate of the held-out year"
    ),
    "churn features do not know the answer": gettext_lazy(
        "Churn ranks no better than is possible without knowing the answer"
    ),
    "churn is not worse than the champion's": gettext_lazy(
        "Churn is not worse than the champion's on the held-out year"
    ),
    "expected visits are not worse than the champion's": gettext_lazy(
        "Expected visits are not worse than the champion's on the held-out year"
    ),
    "customers are like those of the champion": gettext_lazy(
        "Customers are like those that the champion was fitted on"
    ),
}
FORECASTS = {
    "trees": gettext_lazy("Gradient-boosted trees"),
    "memoryless": gettext_lazy("BG/NBD or MBG/NBD"),
    "regular": "MBG/CNBD-k",
    "money_trees": gettext_lazy("Gradient-boosted trees"),
    "money_per_visit": gettext_lazy("Visits of the trees × Gamma-Gamma"),
    "last_year": gettext_lazy("Last year repeated"),
}
STATUSES = {
    "converged": gettext_lazy("converged"),
    "at the bound": gettext_lazy("at the bound"),
    "refused": gettext_lazy("refused"),
}
FOUND = {
    "expected": gettext_lazy("expected"),
    "scored": gettext_lazy("scored"),
    "quarantined": gettext_lazy("left out"),
    "former": gettext_lazy("previously"),
}
_VISIT_FIGURES = ("bias", "mae", "spearman", "deviance")
POOLINGS = {
    "own": gettext_lazy("own parameters"),
    "leaning on the group": gettext_lazy("leaning on the group"),
    "the group's": gettext_lazy("parameters of the group"),
    "shrunk rate": gettext_lazy("rate shrunk to the group's"),
}
SLICES = {
    "interval up to 200 days": gettext_lazy("Service interval up to 200 days"),
    "interval 201 to 300 days": gettext_lazy("Service interval 201 to 300 days"),
    "interval above 300 days": gettext_lazy("Service interval above 300 days"),
    "interval unknown": gettext_lazy("Service interval not known"),
    "no visit yet": gettext_lazy("No visit yet"),
    "one or two visits": gettext_lazy("One or two visits"),
    "three or more visits": gettext_lazy("Three or more visits"),
}


def cohort_name(key: str, divisions: Mapping[str, str]) -> str:
    """``XQ-JV/person`` as people say it; ``divisions``: names by code."""
    code, _slash, segment = key.partition("/")
    return f"{divisions.get(code, code)} · {SEGMENTS.get(segment, segment)}"


def model_name(version: ModelVersion) -> str:
    """What a model is of, in words: its division and segment, else what it forecasts."""
    if version.kind != ModelVersion.Kind.LIFETIME_VALUE:
        return str(version.get_kind_display())
    division = version.division
    return cohort_name(version.name, {division.code: division.name} if division else {})


def gate_rows(score_set: ScoreSet) -> list[dict[str, Any]]:
    """The checks of the gate in words: what was asked, what was found, whether it was passed."""
    return [
        {
            "check": CHECKS.get(check["check"], check["check"]),
            "found": _found_in_words(check["found"]),
            "result": _("Passed") if check["passed"] else _("Not passed"),
            "passed": check["passed"],
        }
        for check in score_set.gate.get("checks", [])
    ]


def _found_in_words(found: Any) -> str:
    """What a check found, short: comparisons as challenger against champion, the largest shifts."""
    if isinstance(found, bool):
        return _("Yes") if found else _("No")
    if isinstance(found, int | float):
        return f"{found:.4g}"
    if not isinstance(found, dict):
        return ""
    if "psi" in found:
        largest = sorted(found["psi"].items(), key=lambda item: -item[1])[:3]
        parts = ["PSI " + ", ".join(f"{feature_name(name)} {psi:.2f}" for name, psi in largest)]
        if found.get("began"):
            names = ", ".join(map(feature_name, found["began"]))
            parts.append(_("a source began: %(names)s") % {"names": names})
        if found.get("unused"):
            names = ", ".join(map(feature_name, found["unused"]))
            parts.append(_("shifted, but not used by the trees: %(names)s") % {"names": names})
        return "; ".join(parts)
    parts = []
    for name, value in found.items():
        if isinstance(value, dict):
            parts.append(
                _("%(name)s %(new).4f, champion %(old).4f (worse by %(low)+.4f to %(high)+.4f)")
                % {
                    "name": name,
                    "new": value["challenger"],
                    "old": value["champion"],
                    "low": value["low"],
                    "high": value["high"],
                }
            )
        elif value is not None:
            parts.append(f"{STATUSES.get(name, FOUND.get(name, name))} {value}")
    return "; ".join(str(part) for part in parts)


def _ordered(cards: dict[str, Any], names: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """In the order of ``names``: PostgreSQL keeps no order of a JSON object's keys."""
    order = list(names)
    return sorted(cards.items(), key=lambda one: order.index(one[0]) if one[0] in order else 99)


def fit_status(version: ModelVersion) -> str:
    """Whether the fit in use converged, in one or two words."""
    status = version.parameters.get("chosen", {}).get("status", version.status)
    return str(STATUSES.get(status, status))


def tree_rows(version: ModelVersion, part: str) -> list[dict[str, Any]]:
    """A forecast of the next year on the held-out year, baselines beside the trees; ``part`` of the
    report: "everybody" (visits) or "revenue"."""
    cards = version.metrics.get(part, {})
    return [
        {"name": FORECASTS.get(name, name), **{k: card.get(k) for k in _VISIT_FIGURES}}
        for name, card in _ordered(cards, FORECASTS)
    ]


@dataclass(frozen=True)
class ChurnCard:
    """``scores``: model and baselines on the held-out year; ``slices``: the model by group."""

    cut_off: date
    rate: float
    customers: int
    time_split: bool
    suspected_leak: bool
    scores: list[dict[str, Any]]
    slices: list[dict[str, Any]]
    calibration: list[tuple[float, float, int]]
    trained_on: list[dict[str, Any]]


def _score_row(name: Any, card: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "rows": card["rows"],
        **{key: card[key] for key in ("roc_auc", "pr_auc", "lift_10", "brier", "ece")},
        "bias": card["bias"],
    }


def churn_card(version: ModelVersion) -> ChurnCard:
    report = version.metrics
    names = {
        "recency": _("Days since the last visit"),
        "p_alive": _("1 − P(alive), BG/NBD"),
    }
    baselines = [
        _score_row(names.get(key, key), card)
        for key, card in report["baselines"].items()
        if "rows" in card
    ]
    warnings = {warning["code"] for warning in report["warnings"]}
    return ChurnCard(
        cut_off=date.fromisoformat(report["judged_on"]["cut_off"]),
        rate=report["judged_on"]["rate"],
        customers=report["judged_on"]["rows"],
        time_split=report["split"] == "time",
        suspected_leak="suspected_leak" in warnings,
        scores=[_score_row(_("Gradient-boosted trees"), report["metrics"]), *baselines],
        slices=[
            _score_row(SLICES.get(k, k), card) for k, card in _ordered(report["slices"], SLICES)
        ],
        calibration=[
            (row["forecast"], row["rate"], int(row["rows"])) for row in report["calibration"]
        ],
        trained_on=report["trained_on"],
    )


def _fit_in_words(card: dict[str, Any]) -> str:
    chosen, baseline = card["chosen"], card["baseline"]
    parts = [STATUSES.get(chosen["status"], chosen["status"])]
    if chosen["model"] != baseline["model"]:
        parts.append(
            _("BG/NBD: %(status)s")
            % {"status": STATUSES.get(baseline["status"], baseline["status"])}
        )
    parts.append(POOLINGS.get(card["pooling"], card["pooling"]))
    return " · ".join(str(part) for part in parts)


def _spend_in_words(worth: dict[str, Any]) -> str:
    spend = worth["spend"]
    if spend["status"] == "refused":
        return _("Shrunk mean; Gamma-Gamma refused")
    status = STATUSES.get(spend["status"], spend["status"])
    text = f"Gamma-Gamma: {status}"
    return f"{text} · {_('parameters of the group')}" if worth["pooled"] else text


def cohort_rows(versions: Iterable[ModelVersion]) -> list[dict[str, Any]]:
    """One row per (division, segment): the model in use and how its fit went."""
    rows = []
    for version in versions:
        card = version.parameters
        chosen = card["chosen"]
        params = chosen["params"] or {}
        rows.append(
            {
                "name": model_name(version),
                "customers": card["customers"],
                "repeaters": card["repeaters"],
                "model": chosen["model"],
                "status": _fit_in_words(card),
                "parameters": ", ".join(
                    f"{key} {value:.4g}"
                    for key, value in params.items()
                    if isinstance(value, int | float) and not isinstance(value, bool)
                ),
                "log_likelihood": chosen["log_likelihood"],
                "spend": _spend_in_words(card["worth"]),
            }
        )
    return rows


def beside_the_library(version: ModelVersion) -> list[tuple[str, str]]:
    """Who estimated BG/NBD and Gamma-Gamma, and how far the library and our search lie apart."""
    card = version.parameters
    baseline = card.get("baseline")
    fits = [(baseline["model"], baseline)] if baseline else []
    if spend := card.get("worth", {}).get("spend"):
        fits.append(("Gamma-Gamma", spend))
    return [
        (_("%(model)s estimated by") % {"model": name}, _estimated_by(fit)) for name, fit in fits
    ]


def _estimated_by(fit: dict[str, Any]) -> str:
    if fit.get("estimator") == "lifetimes":
        return "lifetimes"
    agreement = fit.get("agreement")
    if not agreement:
        return _("own search (no comparison with lifetimes)")
    rows = formats.integer(agreement["rows"])
    apart = agreement["max_relative_difference"]
    if apart is None:
        return _("own search; lifetimes found no fit on a sample of %(rows)s") % {"rows": rows}
    return _("own search; on a sample of %(rows)s lifetimes' parameters lie within %(apart)s") % {
        "rows": rows,
        "apart": f"{apart:.1e}",
    }
