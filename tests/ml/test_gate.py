"""The gate before publication: each check alone, on figures made for it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.gate import Gate, auc_at_least, judge

SCORES = pd.DataFrame({"customer_id": [1, 2], "ltv_fen": [0, 100], "p_alive": [0.2, 1.0]})
CONVERGED = ["converged", "at the bound"]


def churn(**card: Any) -> dict[str, Any]:
    return {"metrics": {"rows": 20_000, "rate": 0.4, "roc_auc": 0.77, "bias": 0.002} | card}


def failed(gate: Gate) -> list[str]:
    return [check["check"] for check in gate.checks if not check["passed"]]


def test_sound_scores_pass() -> None:
    gate = judge(SCORES, CONVERGED, churn())
    assert gate.passed
    assert gate.refusals() == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_score_that_is_no_number_holds_the_whole_set(bad: float) -> None:
    gate = judge(SCORES.assign(p_alive=[0.2, bad]), CONVERGED, churn())
    assert failed(gate) == ["all scores are numbers"]


def test_text_and_lists_are_no_numbers_to_judge() -> None:
    gate = judge(SCORES.assign(grade=["A", None], tags=[[], ["new"]]), CONVERGED, churn())
    assert gate.passed


def test_a_cohort_without_a_model_holds_the_set() -> None:
    gate = judge(SCORES, ["converged", "refused"], churn())
    assert failed(gate) == ["every cohort has a usable transaction model"]


@pytest.mark.parametrize("auc", [None, 0.5, 0.55])
def test_churn_that_ranks_no_better_than_chance_is_held(auc: float | None) -> None:
    assert failed(judge(SCORES, CONVERGED, churn(roc_auc=auc))) == [
        "churn ranks better than chance"
    ]


@pytest.mark.parametrize("bias", [0.15, -0.2])
def test_probabilities_off_the_rate_are_held(bias: float) -> None:
    gate = judge(SCORES, CONVERGED, churn(bias=bias))
    assert failed(gate) == ["churn probabilities meet the rate"]


def test_churn_that_knows_the_answer_is_held_with_the_cause() -> None:
    gate = judge(SCORES, CONVERGED, churn(roc_auc=0.85))
    assert failed(gate) == ["churn features do not know the answer"]
    (message,) = gate.refusals()
    assert "0.85" in message
    assert "wrong day" in message


def test_in_a_small_group_the_same_figure_may_be_chance() -> None:
    assert judge(SCORES, CONVERGED, churn(roc_auc=0.84, rows=300)).passed


def test_every_failed_check_is_named() -> None:
    gate = judge(SCORES, ["refused"], churn(roc_auc=0.5, bias=0.3))
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
