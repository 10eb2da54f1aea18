"""``manage.py value``: the contract's keys, its sums, and what it refuses."""

import json
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from organization.access import entered
from valuation.models import Valuation

KEYS = {
    *("as_of", "unit", "customers", "currency", "expected", "p5", "p50", "p95", "undiscounted"),
    *("monthly", "seed_formula", "bridge", "input_hash", "model_version", "assumptions"),
}
SEED = {
    "customers": 100_000,
    "annual_spend": 5_500.0,
    "gross_margin": 0.52,
    "years": 5,
    "retention": 0.75,
    "discount_rate": 0.08,
}


def value(**options: object) -> dict:
    out = StringIO()
    call_command("value", json=True, stdout=out, **options)
    return json.loads(out.getvalue(), parse_float=Decimal)


class TestReport:
    def test_keys_of_the_contract(self, portfolio):
        found = value(as_of=portfolio.score_set.as_of)
        assert found.keys() >= KEYS
        assert found["monthly"][0].keys() >= {
            "month",
            "visits",
            "revenue",
            "margin",
            "present_value",
        }
        assert found["seed_formula"]["inputs"].keys() == SEED.keys()

    def test_parts_sum_to_the_cent(self, portfolio):
        found = value(as_of=portfolio.score_set.as_of)
        assert sum(line["present_value"] for line in found["monthly"]) == found["expected"]
        assert sum(bar["amount"] for bar in found["bridge"]) == found["expected"]
        children = [value(as_of=portfolio.score_set.as_of, unit=f"XQ-{d}") for d in ("LUX", "JV")]
        assert sum(child["expected"] for child in children) == found["expected"]

    def test_inputs_given_move_the_formula_and_the_bridge_but_not_the_value(self, portfolio):
        plain = value(as_of=portfolio.score_set.as_of)
        told = value(as_of=portfolio.score_set.as_of, retention=0.5)
        assert told["seed_formula"]["inputs"]["retention"] == Decimal("0.5")
        assert told["seed_formula"]["value"] != plain["seed_formula"]["value"]
        assert told["expected"] == plain["expected"] == sum(b["amount"] for b in told["bridge"])

    def test_words_for_people(self, portfolio):
        out = StringIO()
        call_command("value", as_of=portfolio.score_set.as_of, stdout=out)
        assert "3 customers, CNY" in out.getvalue()


class TestSeedFormula:
    def test_the_course_s_case_without_any_group(self, db):
        assert value(seed_formula=True, **SEED)["seed_formula"]["value"] == Decimal("856436302.95")

    def test_in_the_course_s_own_unit(self, db):
        out = StringIO()
        call_command("value", seed_formula=True, stdout=out, **SEED)
        assert out.getvalue().startswith("8.564363亿")


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"unit": "nowhere"}, "No unit has the code 'nowhere'"),
            ({"group": "nobody"}, "No group has the code 'nobody'"),
            ({"gross_margin": 52.0}, "--gross-margin must be a fraction"),
            ({"retention": 75.0}, "--retention must be a fraction"),
            ({"discount_rate": 8.0}, "--discount-rate must be a fraction"),
            ({"customers": -1}, "--customers must lie between"),
        ],
    )
    def test_bad_input_is_refused_and_nothing_is_written(self, portfolio, options, words):
        with pytest.raises(CommandError, match=words) as refusal:
            value(as_of=portfolio.score_set.as_of, **options)
        assert refusal.value.returncode == 2
        with entered(portfolio.group.system):
            assert not Valuation.objects.exists()

    def test_a_date_without_scores_names_the_command(self, portfolio):
        with pytest.raises(CommandError, match=r"manage.py retrain --as-of 2024-12-02") as refusal:
            value()
        assert refusal.value.returncode == 2

    def test_an_empty_group(self, group):
        with pytest.raises(CommandError, match="has no visits") as refusal:
            value()
        assert refusal.value.returncode == 2

    def test_a_date_in_the_future(self, portfolio):
        with pytest.raises(CommandError, match="lies in the future") as refusal:
            value(as_of=date(2999, 1, 1))
        assert refusal.value.returncode == 2


def test_a_day_that_is_none_is_named_with_what_would_be_right():
    with pytest.raises(CommandError, match="'2026/1/1' is no date: write it as 2026-01-31"):
        call_command("value", "--as-of", "2026/1/1")
