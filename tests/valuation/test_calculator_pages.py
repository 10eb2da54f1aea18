"""Calculators: the source's cases to the yuan, the warnings of its own tables, refusals."""

import pytest
from django.urls import reverse
from django.utils import translation

from valuation.calculators.discounted_cash_flow import discounted_cash_flow
from valuation.calculators.pages import CALCULATORS
from valuation.refusals import Refused


def ask(client, slug, **query):
    return client.get(reverse("calculator", args=[slug]), query)


def words(response) -> str:
    return response.content.decode()


@pytest.mark.parametrize(
    ("slug", "headline"),
    [
        ("closed-form", "¥8.56亿"),
        ("campaign", "¥460万"),
        ("lock-in", "¥17.1亿"),
        ("regression", "11.75×"),
        ("comparables", "¥60.0亿"),
        ("market-phase", "9.90× – 12.10×"),
    ],
)
def test_the_source_s_case_is_the_preset(valued, client_of, slug, headline):
    response = ask(client_of("ceo"), slug)
    assert response.status_code == 200
    assert response.context["answer"].headline[1] == headline


@pytest.mark.parametrize("slug", CALCULATORS)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_calculator_opens_in_both_languages(client_of, slug, language):
    client = client_of("auditor")
    client.cookies["django_language"] = language
    response = ask(client, slug)
    assert response.status_code == 200
    with translation.override(language):
        assert str(CALCULATORS[slug].title) in words(response)


@pytest.mark.parametrize(
    ("slug", "warning"),
    [
        ("campaign", "1.92×"),
        ("closed-form", "57%"),
        ("lock-in", "重复计算"),
        ("regression", "2.00× 至 3.00×"),
        ("comparables", "2.00× 至 3.00×"),
        ("acquisition", "切勿与企业价值相加"),
    ],
)
def test_the_source_s_own_tables_are_held_against_it(client_of, slug, warning):
    answer = ask(client_of("ceo"), slug).context["answer"]
    assert any(warning in str(one) for one in answer.warnings)


def test_residuals_stand_beside_the_regression(client_of):
    rows = ask(client_of("ceo"), "regression").context["answer"].table[1]
    assert [row[3] for row in rows] == ["−3.25", "+0.66", "+2.66"]


def test_the_lock_in_splits_as_the_arithmetic_does(client_of):
    picture = ask(client_of("ceo"), "lock-in").context["answer"].picture
    amounts = [row[1] for row in picture.data]
    assert [round(amount / 1e10, 2) for amount in amounts] == [23.4, 9.0, 5.85, 2.25, 40.5]


def test_the_benefit_factor(client_of):
    rows = dict(ask(client_of("ceo"), "excess-earnings").context["answer"].rows)
    assert rows["摊销税盾系数"] == "1.12805"


def test_the_address_reproduces_the_view(client_of):
    response = ask(client_of("ceo"), "campaign", customers=2000, incrementality=50)
    assert 'value="2000"' in words(response)
    assert response.context["answer"].headline[1] == "¥460万"


@pytest.mark.parametrize(
    ("slug", "query", "said"),
    [
        ("campaign", {"incrementality": "0.8"}, "5% 写作 5"),
        ("campaign", {"customers": "-1"}, "大于或等于0"),
        ("closed-form", {"discount_rate": "600"}, "1 至 99"),
        ("regression", {"gross_margin": "0.4"}, "30%"),
        ("comparables", {"comparables": "甲, 30, 40, 25, 80,"}, "没有正的市销率"),
        ("comparables", {"comparables": "甲, 30, 40"}, "第 1 行"),
        ("dcf", {"terminal_growth": "12"}, "必须低于折现率"),
        ("dcf", {"flows": "5, x"}, "以逗号分隔的数字"),
        ("lock-in", {"customers": ""}, "必填"),
        ("market-phase", {"phase": "crash"}, "crash"),
    ],
)
def test_refused_by_name_and_range(client_of, slug, query, said):
    response = ask(client_of("ceo"), slug, **query)
    assert response.status_code == 400
    errors = " ".join(text for texts in response.context["form"].errors.values() for text in texts)
    assert said in errors
    assert response.context["answer"] is None


def test_two_comparables_are_a_warning(client_of):
    text = "A, 30, 40, 25, 80, 8\nB, 30, 40, 25, 80, 10"
    response = ask(client_of("ceo"), "comparables", comparables=text)
    assert response.status_code == 200
    assert any("2" in str(one) for one in response.context["answer"].warnings)


def test_there_is_no_other_calculator(client_of):
    assert ask(client_of("ceo"), "astrology").status_code == 404


def test_advisors_have_no_calculators(client_of):
    assert client_of("advisor").get(reverse("calculators")).status_code == 403


class TestDiscountedFlows:
    def test_by_hand(self):
        found = discounted_cash_flow([110.0, 121.0], 0.10, 0.0)
        assert found.flows == pytest.approx((100.0, 100.0))
        assert found.terminal == pytest.approx(1210.0 / 1.21)
        assert found.terminal_share == pytest.approx(1000.0 / 1200.0)
        assert found.warnings()

    @pytest.mark.parametrize(
        ("flows", "rate", "growth", "field"),
        [
            ([], 0.1, 0.0, "flows"),
            ([1.0], 0.1, 0.1, "terminal_growth"),
            ([-1.0], 0.1, 0.0, "flows"),
            ([1.0], 8.0, 0.0, "rate"),
        ],
    )
    def test_refused(self, flows, rate, growth, field):
        with pytest.raises(Refused) as refused:
            discounted_cash_flow(flows, rate, growth)
        assert refused.value.refusals[0].field == field
