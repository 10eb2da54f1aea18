import datetime

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from ml.churn import ChurnConfig, train_churn
from ml.features import GROUPS, customer_features, without_empty_columns
from ml.reasons import REASONS, AdditivityError, churn_reasons, group_credits
from tests.ml.dealer_world import dealer_world

AS_OF = datetime.date(2025, 7, 1)


@pytest.fixture(scope="module")
def scored():
    records = dealer_world(5_000, seed=8)
    model = train_churn(records, AS_OF, ChurnConfig(trees=60))
    features = customer_features(records, AS_OF, records.customers.index, model.divisions)
    return model.classifier, features


def test_credits_add_up_to_the_models_log_odds(scored):
    classifier, features = scored
    credits, start = group_credits(classifier, features)
    np.testing.assert_allclose(
        start + credits.sum(axis=1), classifier.decision_function(features.to_numpy()), atol=1e-9
    )


def test_at_most_three_reasons_weightiest_first_each_group_once(scored):
    reasons = churn_reasons(*scored)
    assert reasons.groupby("customer").size().max() == 3
    for _, own in reasons.groupby("customer"):
        assert list(own["rank"]) == list(range(1, len(own) + 1))
        assert own["credit"].is_monotonic_decreasing
    group = reasons["code"].map({reason.code: reason.group for reason in REASONS})
    assert not reasons.assign(group=group).duplicated(["customer", "group"]).any()


def test_no_reason_says_what_is_not_so(scored):
    _, features = scored
    reasons = churn_reasons(*scored)
    for reason in REASONS:
        named = reasons.loc[reasons["code"] == reason.code, "customer"]
        assert reason.holds(features.loc[named]).all()


def test_evidence_is_the_customers_own_number(scored):
    _, features = scored
    row = churn_reasons(*scored).iloc[0]
    for name, value in row["evidence"].items():
        own = features.loc[row["customer"], name]
        assert value is None if np.isnan(own) else value == pytest.approx(own, abs=0.006)


def test_codes_are_unique_and_speak_for_a_known_group():
    codes = [reason.code for reason in REASONS]
    assert len(codes) == len(set(codes))
    assert {reason.group for reason in REASONS} == set(GROUPS)


def test_native_categories_are_refused(scored):
    _, features = scored
    columns = list(features.columns)
    values = without_empty_columns(features.to_numpy(copy=True))
    rng = np.random.default_rng(1)
    values[:, columns.index("division_code")] = rng.integers(0, 9, len(values))
    label = np.isin(values[:, columns.index("division_code")], [1, 4, 7])
    native = HistGradientBoostingClassifier(
        max_iter=5, categorical_features=[columns.index("division_code")]
    ).fit(values, label)
    with pytest.raises(AdditivityError, match="categorical"):
        group_credits(native, features)


def test_nobody_has_no_reasons(scored):
    classifier, features = scored
    assert len(churn_reasons(classifier, features.iloc[:0])) == 0
