"""Figures and dates as people read them, in both languages."""

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from web import formats

YUAN = 100


@pytest.mark.parametrize(
    ("fen", "zh", "en"),
    [
        (0, "¥0", "¥0"),
        (99, "¥1", "¥1"),
        (987 * YUAN, "¥987", "¥987"),
        (8_765 * YUAN, "¥8,765", "¥8.77k"),
        (9_999 * YUAN + 60, "¥1.00万", "¥10.0k"),
        (12_345 * YUAN, "¥1.23万", "¥12.3k"),
        (123_456_789, "¥123万", "¥1.23m"),
        (45_678_900 * YUAN, "¥4,568万", "¥45.7m"),
        (99_999_600 * YUAN, "¥1.00亿", "¥100m"),
        (812_000_000 * YUAN, "¥8.12亿", "¥812m"),
        (999_700_000 * YUAN, "¥10.0亿", "¥1.00bn"),
        (123_456_000_000 * YUAN, "¥1,235亿", "¥123bn"),
        (-12_345 * YUAN, "−¥1.23万", "−¥12.3k"),
        (None, "–", "–"),
    ],
)
def test_money(fen: int | None, zh: str, en: str) -> None:
    with translation.override("zh-hans"):
        assert formats.money(fen) == zh
    with translation.override("en"):
        assert formats.money(fen) == en


def test_money_of_another_currency(english) -> None:
    assert formats.money(1_500 * 100, "USD") == "$1.50k"
    assert formats.money_exact(1_500 * 100, "CHF") == "CHF 1,500.00"


@given(st.integers(-(10**15), 10**15))
def test_exact_money_loses_no_fen(fen: int) -> None:
    text = formats.money_exact(fen).replace("¥", "").replace(",", "").replace(formats.MINUS, "-")
    assert Decimal(text) * 100 == fen


@given(st.integers(0, 10**14), st.sampled_from(["zh-hans", "en"]))
def test_short_money_is_within_half_a_percent(fen: int, language: str) -> None:
    steps = {"万": 10**4, "亿": 10**8, "k": 10**3, "m": 10**6, "bn": 10**9}
    with translation.override(language):
        text = formats.money(fen).replace("¥", "").replace(",", "")
    word = text.lstrip("0123456789.")
    read = float(text.removesuffix(word)) * steps.get(word, 1)
    # Below a thousand yuan the rounding is to one yuan.
    assert read == pytest.approx(fen / 100, rel=0.005, abs=0.5)


def test_shares() -> None:
    assert formats.percent(0.8123) == "81.2%"
    assert formats.percent(0.8123, 0) == "81%"
    assert formats.percent(-0.05) == "−5.0%"
    assert formats.percent(0) == "0.0%"
    assert formats.percent(-0.00001) == "0.0%"


def test_a_relative_change_is_a_percentage_with_its_sign(chinese) -> None:
    assert formats.change(0.042) == "+4.2%"
    assert formats.change(-0.0703) == "−7.0%"
    assert formats.change(0.0) == "0.0%"
    assert formats.change(None) == "–"


def test_points(english) -> None:
    assert formats.points(0.012) == "+1.2 pp"
    assert formats.points(-0.0304) == "−3.0 pp"
    assert formats.points(0.0) == "0.0 pp"


def test_points_in_chinese(chinese) -> None:
    assert formats.points(0.012) == "+1.2 个百分点"


def test_a_sign_is_written_once() -> None:
    assert formats.signed("4.2%") == "+4.2%"
    assert formats.signed("+4.2%") == "+4.2%"
    assert formats.signed("−4.2%") == "−4.2%"
    assert formats.signed("0.0%") == "0.0%"
    assert formats.signed(formats.NOT_KNOWN) == formats.NOT_KNOWN


def test_whole_numbers() -> None:
    assert formats.integer(1234567) == "1,234,567"
    assert formats.integer(-0.4) == "0"
    assert formats.integer(Decimal("2.5")) == "3"


def test_distance(chinese) -> None:
    assert formats.km(45_200) == "45,200 公里"


@pytest.mark.parametrize(
    ("days", "zh", "en"),
    [
        (0, "今天", "today"),
        (1, "昨天", "yesterday"),
        (-1, "明天", "tomorrow"),
        (2, "2 天前", "2 days ago"),
        (60, "60 天前", "60 days ago"),
        (61, "2 个月前", "2 months ago"),
        (213, "7 个月前", "7 months ago"),
        (730, "24 个月前", "24 months ago"),
        (1096, "3 年前", "3 years ago"),
        (-30, "30 天后", "in 30 days"),
    ],
)
def test_days_ago(days: int, zh: str, en: str) -> None:
    today = dt.date(2026, 11, 20)
    day = today - dt.timedelta(days=days)
    with translation.override("zh-hans"):
        assert formats.days_ago(day, today) == zh
    with translation.override("en"):
        assert formats.days_ago(day, today) == en


def test_an_instant_is_shown_in_the_time_zone_of_the_group(chinese) -> None:
    late = dt.datetime(2026, 11, 19, 17, 30, tzinfo=dt.UTC)
    with timezone.override("Asia/Shanghai"):
        assert formats.instant(late) == "2026-11-20 01:30"
        assert formats.date(late) == "2026-11-20"
    with timezone.override("Europe/Berlin"):
        assert formats.date(late) == "2026-11-19"


def test_dates_in_english(english) -> None:
    assert formats.date(dt.date(2026, 11, 2)) == "2 Nov 2026"
    assert formats.month(dt.date(2026, 11, 2)) == "Nov 2026"


def test_month_in_chinese(chinese) -> None:
    assert formats.month(dt.date(2026, 3, 1)) == "2026年3月"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("13812345678", "138****5678"),
        ("+86 138 1234 5678", "138****5678"),
        ("021-5555 1234", "021****1234"),
        ("5551234", "*****34"),
        ("", "–"),
        (None, "–"),
    ],
)
def test_masked_phone(number: str | None, shown: str) -> None:
    assert formats.masked_phone(number) == shown


@given(st.text("0123456789 +-", min_size=1, max_size=20))
def test_a_masked_number_shows_at_most_seven_digits(number: str) -> None:
    assert sum(c.isdigit() for c in formats.masked_phone(number)) <= 7


@pytest.mark.parametrize("write", [formats.money, formats.percent, formats.integer, formats.km])
def test_not_known_is_a_dash(write) -> None:
    assert write(None) == "–"
