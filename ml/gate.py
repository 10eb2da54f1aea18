"""What must hold before anybody sees a score set."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ml.champion import Champion
from ml.churn import SUSPECTED_LEAK
from ml.comparison import compare_churn, compare_visits, recode_divisions
from ml.drift import judge, tree_weights
from ml.features import FEATURES
from ml.lifetimes_adapter import REFUSED
from ml.model_files import Model
from ml.registry import Trained
from ml.remarks import FEATURE, Remark
from ml.verdict import Check, Gate, check

LEAST_AUC = 0.55
LARGEST_BIAS = 0.15
LARGEST_GAIN = 0.10
"""Of ROC-AUC over that of silence alone, what features that end at the cut-off have reached on
four generators (.05 to .10)."""
LEAST_CUSTOMERS = 0.8
"""Share of the former set's customers below which a delivery is thought to be incomplete."""

LEAST_QUALITY = 30.0
"""Data confidence of an honest but careless group; below it columns are missing or mixed up."""

ONE_SIDED_95 = 1.645


def judge_models(
    models: Trained, champion: Champion | None, features: pd.DataFrame, *, fresh: bool
) -> Gate:
    """Judge the models before they score: convergence, the held-out year, champion, drift.

    ``features``: those of everybody who will be scored, coded with the models' divisions;
    ``fresh``: fitted by this run, so that they have to meet the champion's.
    """
    statuses = [cohort.chosen.status for cohort in models.lifetime.cohorts.values()]
    checks = [*fit_checks(statuses), *churn_checks(models.churn.report)]
    if champion is not None and champion.models is not None:
        if fresh:
            checks += comparison_checks(models, champion.models)
        checks.append(drift_check(champion, features))
    return Gate(tuple(checks))


def fit_checks(statuses: Sequence[str]) -> list[Check]:
    """``statuses``: that of the transaction model in use in each cohort."""
    return [
        check(
            "every cohort has a usable transaction model",
            dict(Counter(statuses)),
            REFUSED not in statuses,
            Remark("unusable_cohort"),
        )
    ]


def churn_checks(churn: Mapping[str, Any]) -> list[Check]:
    """``churn``: ``ChurnModel.report``."""
    card = churn["metrics"]
    auc, bias = card["roc_auc"], abs(float(card["bias"]))
    surely = auc_at_least(auc, card["rows"], card["rate"]) if auc is not None else 0.0
    # Where visits are very regular silence alone ranks well, and a model may without a leak.
    silence = churn.get("baselines", {}).get("recency", {}).get("roc_auc") or 0.5
    highest = max(SUSPECTED_LEAK, silence + LARGEST_GAIN)
    return [
        check(
            "churn ranks better than chance",
            auc,
            auc is not None and auc > LEAST_AUC,
            Remark("churn_by_chance", auc=_short(auc), least=LEAST_AUC),
        ),
        check(
            "churn probabilities meet the rate",
            bias,
            bias < LARGEST_BIAS,
            Remark("churn_biased", bias=_short(bias)),
        ),
        check(
            "churn features do not know the answer",
            surely,
            surely <= highest,
            Remark("churn_leak", auc=_short(auc), surely=_short(surely), most=_short(highest)),
        ),
    ]


def comparison_checks(challenger: Trained, champion: Trained) -> list[Check]:
    """The new models against those in use, on the held-out year that neither has seen.

    Nothing where one of them was not judged on a later year (too short a history).
    """
    checks = []
    ours, theirs = challenger.churn, champion.churn
    by_time = ours.report["split"] == theirs.report["split"] == "time"
    if by_time and theirs.trial is not None and ours.trial is not None and ours.held_out:
        test = ours.held_out
        recoded = recode_divisions(test.features, ours.divisions, theirs.divisions)
        found = compare_churn(
            test.churned,
            theirs.trial.predict_proba(recoded.to_numpy())[:, 1],
            ours.trial.predict_proba(test.features.to_numpy())[:, 1],
        )
        checks.append(_not_worse("churn is not worse than the champion's", found, "churn_worse"))
    mine, former = challenger.next_year, champion.next_year
    if mine and former and mine.trial is not None and former.trial is not None and mine.held_out:
        features, visits = mine.held_out
        recoded = recode_divisions(features, mine.divisions, former.divisions)
        found = compare_visits(
            visits,
            former.trial.predict(recoded.to_numpy()),
            mine.trial.predict(features.to_numpy()),
        )
        name = "expected visits are not worse than the champion's"
        checks.append(_not_worse(name, found, "visits_worse"))
    return checks


def _not_worse(name: str, found: dict[str, Any], code: str) -> Check:
    worse = [
        Remark(
            "figure_against",
            figure=figure,
            challenger=f"{card['challenger']:.4f}",
            champion=f"{card['champion']:.4f}",
        )
        for figure, card in found.items()
        if not card["passed"]
    ]
    return check(name, found, not worse, Remark(code, figures=worse))


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def drift_check(champion: Champion, features: pd.DataFrame) -> Check:
    """Features of today's customers against those that the champion was fitted on.

    Judged are the features that its trees ask for; one whose source has begun since only where it
    was known before, and then by its known values.
    """
    models = champion.models
    found = judge({} if models is None else models.reference, features, _weights(models))
    broken = [
        Remark("feature_psi", feature=Remark(FEATURE, name=name), psi=f"{value:.1f}")
        for name, value in found.broken.items()
    ]
    return check(
        "customers are like those of the champion",
        {
            "fitted_as_of": champion.model_run.as_of.isoformat(),
            "psi": dict(list(found.psi.items())[:12]),
            "began": list(found.began),
            "unused": list(found.unused),
        },
        not broken,
        Remark("shifted", features=broken),
    )


def _weights(models: Trained | None) -> dict[str, float]:
    if models is None:
        return {}
    trees: list[Model] = [models.churn.classifier]
    if models.next_year is not None:
        trees += [models.next_year.first, models.next_year.money]
    return tree_weights(trees, FEATURES)


def judge_scores(
    *,
    expected: int,
    scored: int,
    not_finite: int,
    quarantined: int,
    former: int | None,
    quality: float | None,
) -> list[Check]:
    """Judge what was written.

    ``expected`` customers were to be scored and ``scored`` were, but for the ``quarantined`` among
    them; ``former``: customers of the set in use; ``quality``: data confidence, 0 to 100.
    """
    shrunk = former is not None and scored < LEAST_CUSTOMERS * former
    return [
        check("all scores are numbers", not_finite == 0, not_finite == 0, Remark("not_finite")),
        check(
            "every customer is scored",
            {"expected": expected, "scored": scored, "quarantined": quarantined},
            scored + quarantined == expected,
            Remark("not_all_scored", expected=expected, scored=scored, left_out=quarantined),
        ),
        check(
            "hardly fewer customers than before",
            {"former": former, "scored": scored},
            not shrunk,
            Remark("fewer_than_before", scored=scored, former=former),
        ),
        check(
            "the data can be trusted",
            quality,
            quality is None or quality >= LEAST_QUALITY,
            Remark("low_confidence", found=quality, least=LEAST_QUALITY),
        ),
    ]


def auc_at_least(auc: float, rows: int, rate: float) -> float:
    """Lower end of the one-sided 95% interval of a ROC-AUC.

    Standard error of Hanley & McNeil (1982), Radiology 143(1), formula 1. ``rate`` is the share of
    the ``rows`` that are positive. In a small group an AUC lies high by chance.
    """
    positive = rows * rate
    negative = rows - positive
    if positive < 1 or negative < 1:
        return 0.0
    both_positive = auc / (2 - auc) - auc**2
    both_negative = 2 * auc**2 / (1 + auc) - auc**2
    variance = auc * (1 - auc) + (positive - 1) * both_positive + (negative - 1) * both_negative
    return auc - ONE_SIDED_95 * math.sqrt(variance / (positive * negative))
