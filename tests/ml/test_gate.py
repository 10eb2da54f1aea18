"""The gate before publication: each check alone, on figures made for it."""

from typing import Any

import pytest
from django.utils.translation import override

from ml.gate import auc_at_least, churn_checks, fit_checks, judge_scores
from ml.remarks import FEATURE, Remark, in_words
from ml.verdict import Check, Gate, check

WRITTEN: dict[str, Any] = {
    "expected": 1000,
    "scored": 1000,
    "not_finite": 0,
    "quarantined": 0,
    "former": 1000,
    "quality": 80.0,
}
CONVERGED = ["converged", "at the bound"]


def churn(**card: Any) -> dict[str, Any]:
    return {"metrics": {"rows": 20_000, "rate": 0.4, "roc_auc": 0.77, "bias": 0.002} | card}


def failed(checks: list[Check]) -> list[str]:
    return [check["check"] for check in checks if not check["passed"]]


def test_sound_models_and_scores_pass() -> None:
    gate = Gate((*fit_checks(CONVERGED), *churn_checks(churn()), *judge_scores(**WRITTEN)))
    assert gate.passed
    assert gate.refusals() == []


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ({"not_finite": 1}, "all scores are numbers"),
        ({"scored": 999}, "every customer is scored"),
        ({"former": 1300}, "hardly fewer customers than before"),
        ({"quality": 12.0}, "the data can be trusted"),
    ],
)
def test_what_was_written_is_held_for(found: dict[str, Any], name: str) -> None:
    assert failed(judge_scores(**WRITTEN | found)) == [name]


def test_quarantined_customers_are_accounted_for() -> None:
    assert failed(judge_scores(**WRITTEN | {"scored": 998, "quarantined": 2})) == []


def test_a_first_set_and_one_without_a_quality_report_are_judged_by_the_rest() -> None:
    assert failed(judge_scores(**WRITTEN | {"former": None, "quality": None})) == []


def test_a_cohort_without_a_model_holds_the_set() -> None:
    assert failed(fit_checks(["converged", "refused"])) == [
        "every cohort has a usable transaction model"
    ]


@pytest.mark.parametrize("auc", [None, 0.5, 0.55])
def test_churn_that_ranks_no_better_than_chance_is_held(auc: float | None) -> None:
    assert failed(churn_checks(churn(roc_auc=auc))) == ["churn ranks better than chance"]


@pytest.mark.parametrize("bias", [0.15, -0.2])
def test_probabilities_off_the_rate_are_held(bias: float) -> None:
    assert failed(churn_checks(churn(bias=bias))) == ["churn probabilities meet the rate"]


def test_churn_that_knows_the_answer_is_held_with_the_cause() -> None:
    gate = Gate(tuple(churn_checks(churn(roc_auc=0.85))))
    assert failed(list(gate.checks)) == ["churn features do not know the answer"]
    (message,) = gate.refusals()
    assert "0.85" in message
    assert "wrong day" in message


def test_in_a_small_group_the_same_figure_may_be_chance() -> None:
    assert failed(churn_checks(churn(roc_auc=0.84, rows=300))) == []


def test_every_failed_check_is_named() -> None:
    gate = Gate((*fit_checks(["refused"]), *churn_checks(churn(roc_auc=0.5, bias=0.3))))
    assert len(gate.refusals()) == 3
    assert gate.as_dict()["passed"] is False


def test_the_interval_of_an_auc_is_that_of_hanley_and_mcneil() -> None:
    # A = .75, 50 with and 50 without: Q1 = .6, Q2 = .642857,
    # SE² = (.1875 + 49 · (.6 − .5625) + 49 · (.642857 − .5625)) / 2500 = .0488²
    standard_error = ((0.1875 + 49 * 0.0375 + 49 * (1.125 / 1.75 - 0.5625)) / 2500) ** 0.5
    assert standard_error == pytest.approx(0.0488, abs=1e-4)
    assert auc_at_least(0.75, 100, 0.5) == pytest.approx(0.75 - 1.645 * standard_error)


@pytest.mark.parametrize(("rows", "rate"), [(100, 0.0), (100, 1.0), (0, 0.5)])
def test_without_both_outcomes_nothing_is_sure(rows: int, rate: float) -> None:
    assert auc_at_least(0.9, rows, rate) == 0.0


def test_a_shift_is_named_in_the_readers_language() -> None:
    broken = [Remark("feature_psi", feature=Remark(FEATURE, name="nps_last"), psi="1.4")]
    gate = Gate((check("customers", {}, passed=False, why=Remark("shifted", features=broken)),))
    assert "last NPS answer (PSI 1.4)" in gate.refusals()[0]
    with override("zh-hans"):
        assert "上次NPS评分" in in_words(gate.as_dict()["checks"][0]["why"])


def test_an_auc_above_the_known_is_a_leak_unless_silence_alone_ranks_nearly_as_well() -> None:
    name = "churn features do not know the answer"
    regular = {"baselines": {"recency": {"roc_auc": 0.79}}}
    usual = {"baselines": {"recency": {"roc_auc": 0.67}}}
    assert failed(churn_checks(churn(roc_auc=0.85) | usual)) == [name]
    assert failed(churn_checks(churn(roc_auc=0.85) | regular)) == []
    assert failed(churn_checks(churn(roc_auc=0.92) | regular)) == [name]
