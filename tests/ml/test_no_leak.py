"""Nothing from the cut-off on may reach a feature, a model or a score."""

import datetime
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.churn import ChurnConfig
from ml.configuration import DEFAULTS
from ml.earlier import as_of_earlier
from ml.features import customer_features
from ml.forecasting import ladder
from ml.next_year import NextYearConfig
from tests.ml.extracts import world_extract

CUT = datetime.date(2024, 7, 1)
TREES = NextYearConfig(trees=15)
CHURN = ChurnConfig(trees=15)


def poisoned(data):
    """``data`` as of the cut-off with the absurd in every row of every frame from then on."""
    records, rng = data.records, np.random.default_rng(1)
    cut = pd.Timestamp(CUT)
    visits = records.visit_days
    absurd = visits.sample(3_000, random_state=1).copy()
    numbers = absurd.select_dtypes("number").columns.drop(["customer", "store"])
    absurd[numbers] = 1e6
    absurd["day"] = cut + pd.to_timedelta(rng.integers(0, 400, len(absurd)), unit="D")
    late = np.arange(10**6, 10**6 + 500)
    first = records.customers.iloc[:1]
    born_later = pd.concat([first] * len(late)).set_axis(pd.Index(late, name="customer"))
    bought = pd.DataFrame({"customer": late, "day": cut})
    vehicles = records.vehicles.copy()
    vehicles["owned_to"] = vehicles["owned_to"].fillna(cut + pd.Timedelta(days=3))
    sold = vehicles.iloc[: len(late)].assign(customer=late, owned_from=cut, sold_on=cut)
    voices = pd.DataFrame({"customer": visits["customer"].unique(), "day": cut})
    contracts = records.contracts.assign(starts_on=cut, ends_on=cut + pd.Timedelta(days=900))
    return replace(
        data,
        as_of=CUT,
        records=replace(
            records,
            customers=pd.concat([records.customers, born_later]),
            purchases=pd.concat([records.purchases, bought]),
            vehicles=pd.concat([vehicles, sold]),
            visit_days=pd.concat([visits[visits["day"] < cut], absurd]).sort_values(
                ["customer", "day"]
            ),
            surveys=pd.concat([records.surveys, voices.assign(score=0.0)]),
            events=pd.concat([records.events, voices.assign(kind="complaint")]),
            contracts=pd.concat([records.contracts, contracts]),
        ),
    )


@pytest.fixture(scope="module")
def both():
    data = world_extract(3_500, seed=11)
    clean = as_of_earlier(data, CUT)
    return ladder(clean, DEFAULTS, TREES, CHURN), clean, poisoned(data)


def test_scores_are_identical_whatever_the_rows_after_the_cut_off_say(both):
    clean, _, bad = both
    other = ladder(bad, DEFAULTS, TREES, CHURN)
    pd.testing.assert_frame_equal(clean.statistics, other.statistics)
    pd.testing.assert_frame_equal(clean.features, other.features)
    for rung in ("memoryless", "regular", "champion"):
        pd.testing.assert_frame_equal(getattr(clean, rung).table(), getattr(other, rung).table())
    np.testing.assert_array_equal(
        clean.churn.probability(clean.features), other.churn.probability(other.features)
    )


def test_poison_before_the_cut_off_would_have_been_noticed(both):
    clean, data, _ = both
    visits = data.records.visit_days
    touched = visits.assign(revenue=np.where(visits.index < 500, 1e6, visits["revenue"]))
    records = replace(data.records, visit_days=touched)
    features = customer_features(records, CUT, clean.features.index, clean.churn.divisions)
    assert not features.equals(clean.features)


def test_earlier_records_hold_nothing_from_the_day_on():
    past = as_of_earlier(world_extract(800, seed=2), CUT)
    records, cut = past.records, pd.Timestamp(CUT)
    for frame in (records.visit_days, records.purchases, records.surveys, records.events):
        assert (frame["day"] < cut).all()
    assert (records.contracts["starts_on"] < cut).all()
    assert (records.vehicles["owned_from"] < cut).all()
    assert not (records.vehicles["owned_to"] >= cut).any()
    born = set(records.purchases["customer"]) | set(records.visit_days["customer"])
    assert set(records.customers.index) == born


def test_records_of_a_later_day_are_refused():
    data = world_extract(100, seed=2)
    with pytest.raises(ValueError, match="lies after"):
        as_of_earlier(data, data.as_of + datetime.timedelta(days=1))
