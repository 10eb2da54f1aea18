"""A chunk's inputs travel as bytes: exactly, without pickles, and only unchanged."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.chunk_inputs import DamagedInputs, pack, unpack

CUSTOMERS = pd.Index([3, 5, 8], name="customer")
FACTS = pd.DataFrame(
    {
        "segment": ["person", "organisation", "person"],
        "x": [0, 3, 1],
        "spend": [np.nan, 0.1 + 0.2, 1e12],
        "bought": [True, False, True],
        "due_on": pd.to_datetime(["2025-01-01", None, "2031-12-31"]).astype("datetime64[s]"),
    },
    index=CUSTOMERS,
)
FEATURES = pd.DataFrame({"tenure": [1.0, np.nan, -0.0]}, index=CUSTOMERS)


def test_frames_come_back_as_they_were() -> None:
    found = unpack(*pack({"facts": FACTS, "features": FEATURES}))
    assert list(found) == ["facts", "features"]
    pd.testing.assert_frame_equal(found["facts"], FACTS, check_dtype=False)
    pd.testing.assert_frame_equal(found["features"], FEATURES)
    assert found["facts"]["due_on"].dtype == FACTS["due_on"].dtype


@given(st.lists(st.floats(width=64), min_size=1, max_size=30))
def test_every_float_is_the_same_to_the_last_bit(values: list[float]) -> None:
    frame = pd.DataFrame({"v": values}, index=pd.RangeIndex(len(values)))
    found = unpack(*pack({"f": frame}))["f"]["v"].to_numpy()
    np.testing.assert_array_equal(found.view("u8"), np.array(values).view("u8"))


def test_the_same_frames_are_the_same_bytes() -> None:
    assert pack({"facts": FACTS}) == pack({"facts": FACTS.copy()})


def test_a_changed_byte_is_refused() -> None:
    content, digest = pack({"facts": FACTS})
    with pytest.raises(DamagedInputs, match="SHA-256"):
        unpack(content[:-1] + bytes([content[-1] ^ 1]), digest)


def test_frames_of_different_customers_do_not_travel_together() -> None:
    with pytest.raises(ValueError, match="not of the same customers"):
        pack({"facts": FACTS, "features": FEATURES.iloc[::-1]})


def test_a_missing_word_is_refused() -> None:
    with pytest.raises(ValueError, match="segment has missing words"):
        pack({"facts": FACTS.assign(segment=["person", None, "person"])})
