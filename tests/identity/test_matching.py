"""Matching against numbers of which it is known who is behind them."""

import pytest

from config.bench.duplicates import draw
from config.bench.identity import agreement, counted, judged, load, make_group, match
from organization.access import entered

pytestmark = pytest.mark.django_db


def test_automatic_merges_are_right_and_find_most() -> None:
    numbers = draw(6_000, seed=7)
    access = make_group()
    with entered(access):
        load(access.tenant_id, numbers)
    match(access)
    with entered(access):
        found = judged(access.tenant_id, numbers)
        assert found["true_pairs"] > 2_000
        assert found["precision"] >= 0.999
        assert found["recall"] >= 0.95
        assert counted(access.tenant_id)["proposals"] > 0


def test_the_second_night_changes_nothing() -> None:
    access = make_group()
    with entered(access):
        load(access.tenant_id, draw(500, seed=3))
    assert match(access) > 0
    with entered(access):
        once = counted(access.tenant_id)
    assert match(access) == 0
    with entered(access):
        assert counted(access.tenant_id) == once


def test_agreement_counts_pairs() -> None:
    """Truth {1,2,3}{4}; found {1,2}{3,4}: of three true pairs one, of two found one."""
    assert agreement("aaab", "xxyy") == {
        **{"true_pairs": 3, "pairs": 2, "right_pairs": 1},
        **{"precision": 0.5, "recall": 0.333333},
    }
