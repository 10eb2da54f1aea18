"""Which reasons to act are found, in which order, and in which words."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils.translation import override

from customers import reasons
from customers.actions import Ending, Facts, Occurrence, ServiceDue, reasons_to_act

TODAY = date(2026, 11, 20)


def day(offset: int) -> date:
    return TODAY + timedelta(days=offset)


def codes(**facts: Any) -> list[str]:
    return [reason.code for reason in reasons_to_act(Facts(today=TODAY, **facts))]


def service(offset: int, serviced: bool = True) -> ServiceDue:
    return ServiceDue(1, day(offset), serviced, day(offset - 180), day(-900))


def test_nothing_known_gives_no_reason() -> None:
    assert codes() == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"services": [service(30)]}, ["due"]),
        ({"services": [service(31)]}, []),
        ({"services": [service(-5, serviced=False)]}, ["first_service"]),
        ({"insurances": [Ending(day(90))]}, ["insurance_renewal"]),
        ({"insurances": [Ending(day(91))]}, []),
        ({"insurances": [Ending(day(-31))]}, []),
        ({"warranties": [Ending(day(60))]}, ["warranty_ending"]),
        ({"warranties": [Ending(day(-1))]}, []),
        ({"balances": [Ending(day(60), balance_fen=100)]}, ["package_balance"]),
        ({"balances": [Ending(day(60), balance_fen=0)]}, []),
        ({"nps": Occurrence(day(-90), score=6)}, ["low_nps"]),
        ({"nps": Occurrence(day(-90), score=7)}, []),
        ({"nps": Occurrence(day(-91), score=0)}, []),
        ({"declined": [Occurrence(day(-365), "前刹车片")]}, ["declined_work"]),
        ({"last_visit_on": day(-364)}, []),
        ({"last_visit_on": day(-365)}, ["lost"]),
        ({"last_visit_on": day(-731)}, ["lost_pool"]),
        ({"last_visit_on": day(-900), "bought_on": day(-10)}, []),
        ({"risk": "high"}, ["model_risk"]),
        ({"risk": "medium"}, []),
        ({"last_visit_on": day(-500), "risk": "high", "vehicles_gone": True}, []),
        ({"comebacks": [Occurrence(day(-61))]}, []),
    ],
)
def test_a_reason_at_its_border(facts: dict[str, Any], expected: list[str]) -> None:
    assert codes(**facts) == expected


def test_the_red_ones_outrank_everything_and_three_are_shown() -> None:
    everything = {
        "services": [service(-3)],
        "insurances": [Ending(day(10))],
        "risk": "high",
        "comebacks": [Occurrence(day(-2))],
        "recalls": [Occurrence(day(-300))],
        "complaints": [Occurrence(day(-1))],
    }
    assert codes(**everything) == ["complaint", "recall", "comeback"]
    del everything["complaints"]
    assert codes(**everything) == ["recall", "comeback", "due"]


def test_the_service_most_overdue_stands_for_all_cars() -> None:
    found = reasons_to_act(Facts(today=TODAY, services=[service(-3), service(-30)]))
    assert [r.evidence["due_on"] for r in found] == [day(-30).isoformat()]


def test_who_stays_away_is_not_also_reminded_of_the_service() -> None:
    assert codes(services=[service(-200)], last_visit_on=day(-380)) == ["lost"]


def test_evidence_is_said_as_of_the_day_of_reading() -> None:
    evidence = {"due_on": "2026-11-10", "last_on": "2026-05-10"}
    with override("en"):
        assert reasons.evidence_text("due", evidence, TODAY) == (
            "Last service 6 months ago (10 May 2026); due on 10 Nov 2026, 10 days overdue"
        )
        before = reasons.evidence_text("due", evidence, date(2026, 11, 1))
        assert before.endswith("in 9 days")


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("2026-11-20", "Insurance ends today, 20 Nov 2026"),
        ("2026-11-21", "Insurance ends on 21 Nov 2026, in 1 days"),
    ],
)
def test_what_ends_today_ends_today_and_not_in_no_days(until: str, said: str) -> None:
    with override("en"):
        assert reasons.evidence_text("insurance_renewal", {"until_on": until}, TODAY) == said


def test_words_are_chinese_for_chinese_readers() -> None:
    with override("zh-hans"):
        found = reasons_to_act(Facts(today=TODAY, warranties=[Ending(day(10))]))[0]
        assert str(found.kind.label) == "即将脱保"
        assert found.evidence_text == "质保 2026-11-30 到期，还有 10 天"
        assert "索赔" in found.opening_line


@pytest.mark.parametrize("kind", reasons.KINDS, ids=lambda kind: kind.code)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_kind_has_words_even_without_evidence(
    kind: reasons.ReasonKind, language: str
) -> None:
    with override(language):
        assert "%(" not in reasons.evidence_text(kind.code, {}, TODAY)
        assert "%(" not in reasons.opening_line(kind.code, {}, TODAY)
        assert str(kind.label)


def test_the_models_reasons_become_phrases_and_unknown_codes_a_general_one() -> None:
    with override("en"):
        said = reasons.signs(
            [
                {"code": "silent_beyond_rhythm", "evidence": {"days_since_visit": 300.0}},
                {"code": "drives_little", "evidence": {"km_per_day": 12.4}},
                "invented_later",
            ]
        )
    assert said == [
        "silent for longer than usual",
        "drives 12 km a day",
        "a pattern in the visits that the model has learnt",
    ]


def test_the_model_layer_points_at_codes_that_have_words() -> None:
    from ml.reasons import REASONS

    assert {reason.code for reason in REASONS} == set(reasons.SIGNS)
