"""The group behaves like a dealer group: retention, prices, payers, surveys, seasons, drop-out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

RETURN_BY_AGE = {
    "XQ-LUX": (0.92, 0.85, 0.76, 0.58, 0.48, 0.35),
    "XQ-JV": (0.88, 0.78, 0.65, 0.42, 0.32, 0.20),
    "XQ-OWN": (0.82, 0.68, 0.52, 0.30, 0.22, 0.13),
}
REVENUE_PER_VISIT = {"XQ-LUX": (2700, 3300), "XQ-JV": (1100, 1500), "XQ-OWN": (700, 1000)}
PAYER_SHARES = {
    "XQ-LUX": (0.45, 0.38, 0.17),
    "XQ-JV": (0.52, 0.33, 0.15),
    "XQ-OWN": (0.50, 0.28, 0.22),
}


def return_by_age(demo, division: str) -> list[float]:
    """Share of cars sold new and still owned that came at least once, by year of age."""
    cars = demo.files["vehicles"].query("sold_on != '' and sold_used == 'n'")
    cars = cars[cars.store_code.map(demo.division) == division]
    born, left = pd.to_datetime(cars.sold_on), pd.to_datetime(cars.owned_to).fillna("2100")
    visits = demo.paid_visits()[["vin", "day"]].merge(
        pd.DataFrame({"vin": cars.vin, "born": born}), on="vin"
    )
    shares = []
    for age in range(6):
        begin, end = (born + pd.Timedelta(days=round(365.25 * (age + n))) for n in (0, 1))
        seen = (begin >= "2020-11-01") & (end <= "2026-11-11") & (left >= end)
        year = (visits.day - visits.born).dt.days // 365.25
        came = cars.vin.isin(visits.vin[year == age])
        shares.append(float(came[seen].mean()))
    return shares


@pytest.mark.parametrize("division", RETURN_BY_AGE)
def test_return_by_car_age(demo, division):
    assert return_by_age(demo, division) == pytest.approx(RETURN_BY_AGE[division], abs=0.13)


@pytest.mark.parametrize("division", RETURN_BY_AGE)
def test_the_end_of_the_warranty_shows_as_a_step(demo, division):
    shares = return_by_age(demo, division)
    step = shares[2] - shares[3]
    assert step > 0.10
    assert step > 1.5 * (shares[3] - shares[4])


@pytest.mark.parametrize("division", REVENUE_PER_VISIT)
def test_revenue_per_visit(demo, division):
    visits = demo.paid_visits()
    mean = visits.outside[visits.division == division].mean() / 1.13
    low, high = REVENUE_PER_VISIT[division]
    assert low <= mean <= high


@pytest.mark.parametrize("division", PAYER_SHARES)
def test_who_pays(demo, division):
    visits = demo.paid_visits()
    visits = visits[visits.division == division]
    paid = [visits.pay_customer.sum(), visits.pay_insurance.sum(), visits.pay_warranty.sum()]
    assert np.array(paid) / sum(paid) == pytest.approx(PAYER_SHARES[division], abs=0.07)


def test_visits_per_active_customer(demo):
    visits = demo.paid_visits()
    recent = visits[visits.day >= "2025-11-20"]
    rate = recent.groupby("division").apply(
        lambda rows: len(rows) / len(rows[["store_code", "customer_no"]].drop_duplicates())
    )
    assert rate.between(1.5, 2.3).all()


def test_books_reconcile_with_the_orders_but_for_two_stores(demo):
    visits = demo.visits()
    visits = visits[(visits.status != "cancelled") & (visits.kind != "pdi")]
    month = visits.opened_at.str[:7]
    net = visits.outside.groupby([visits.store_code, month]).sum() / 1.13
    books = demo.files["financials"].query("scope == 'after_sales'")
    booked = books.set_index(["unit_code", "month"]).revenue.astype(float)
    gap = booked / net.reindex(booked.index) - 1
    by_store = gap.groupby("unit_code").agg(["min", "max"])
    declared = demo.summary.ledger_gaps
    ordinary = by_store.drop(list(declared))
    assert ordinary.abs().to_numpy().max() < 0.02
    for store, size in declared.items():
        assert by_store.loc[store].to_numpy() == pytest.approx([size, size], abs=0.005)


def test_after_sales_margin_of_the_books(demo):
    books = demo.files["financials"].query("scope == 'after_sales'")
    figures = books[["revenue", "parts_cost", "labour_cost"]].astype(float)
    total = figures.groupby(books.unit_code.map(demo.division)).sum()
    margin = 1 - (total.parts_cost + total.labour_cost) / total.revenue
    assert 0.43 < margin["XQ-LUX"] < 0.48
    assert 0.38 < margin["XQ-JV"] < 0.44
    assert 0.32 < margin["XQ-OWN"] < 0.40


def test_untreated_margin_is_overstated(demo):
    visits = demo.visits()
    visits = visits[(visits.status != "cancelled") & (visits.kind != "pdi")]
    jv = visits[visits.division == "XQ-JV"]
    untreated = jv.outside.sum() - jv.cost.sum()
    books = demo.files["financials"].query("scope == 'after_sales'")
    books = books[books.unit_code.map(demo.division) == "XQ-JV"]
    figures = books[["revenue", "parts_cost", "labour_cost"]].astype(float).sum()
    ratio = untreated / (figures.revenue - figures.parts_cost - figures.labour_cost)
    assert 1.4 < ratio < 1.9


def test_few_answer_surveys_and_most_answers_are_tens(demo):
    surveys = demo.files["nps"]
    answered = surveys.score != ""
    rate = answered.groupby(surveys.channel).mean()
    assert 0.08 < rate["sms"] < 0.15
    assert 0.45 < rate["phone"] < 0.60
    scores = surveys.score[answered].astype(int)
    assert 0.58 < (scores == 10).mean() < 0.70


def test_the_weeks_before_spring_festival_are_full_and_the_closure_is_empty(demo):
    daily = demo.visits().query("kind != 'pdi'").day.value_counts()
    before, closed, after = [], [], []
    for festival in ("2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29", "2026-02-17"):
        first = pd.Timestamp(festival)
        mean = daily[daily.index.year == first.year].sum() / 365

        def level(begin, end, first=first, mean=mean):
            days = pd.date_range(first + pd.Timedelta(days=begin), first + pd.Timedelta(days=end))
            return daily.reindex(days, fill_value=0).mean() / mean

        before.append(level(-23, -3))
        closed.append(level(-2, 5))
        after.append(level(6, 19))
    assert 1.3 < np.mean(before) < 2.0
    assert np.mean(closed) < 0.3
    assert 1.0 < np.mean(after) < 1.4


def test_national_day_and_weekends(demo):
    visits = demo.visits().query("kind != 'pdi'")
    daily = visits.day.value_counts()
    holiday = daily[(daily.index.month == 10) & (daily.index.day <= 7)].mean()
    assert 0.4 < holiday / daily.mean() < 0.8
    weekday = visits.day.dt.day_of_week.value_counts()
    assert weekday[5] > 1.15 * weekday[1]


def test_shanghai_stood_still_in_april_2022(demo):
    cities = demo.files["org_units"].set_index("code").city
    visits = demo.visits()
    shanghai = visits[(visits.store_code.map(cities) == "上海") & (visits.kind != "pdi")]
    monthly = shanghai.opened_at.str[:7].value_counts()
    assert monthly["2022-04"] < 0.35 * monthly.mean()


def test_appointments_and_no_shows(demo):
    visits = demo.paid_visits()
    booked = (visits.appointment == "y").groupby(visits.division).mean()
    assert booked["XQ-LUX"] == pytest.approx(0.55, abs=0.10)
    assert booked["XQ-OWN"] == pytest.approx(0.25, abs=0.08)
    kinds = demo.files["events"].kind.value_counts()
    share = kinds["no_show"] / (kinds["no_show"] + kinds["appointment"])
    assert 0.12 < share < 0.22


def test_insurance_renewal_falls_with_the_years(demo):
    contracts = demo.files["contracts"].query("type == 'insurance'")
    cars = demo.files["vehicles"].query("sold_on != ''")
    sold = contracts.merge(cars[["vin", "store_code", "sold_on", "owned_to"]])
    starts, born = pd.to_datetime(sold.starts_on), pd.to_datetime(sold.sold_on)
    year = ((starts - born).dt.days / 365).round().astype(int)
    since = born.between("2020-11-01", "2021-09-01")
    by_year = year[since].value_counts().sort_index()
    assert by_year.loc[0:5].is_monotonic_decreasing


def test_customers_differ(demo):
    visits = demo.paid_visits()
    people = demo.files["customers"].query("kind == 'person'")
    key = pd.MultiIndex.from_frame(people[["store_code", "customer_no"]])
    count = visits.groupby(["store_code", "customer_no"]).size().reindex(key, fill_value=0)
    assert 2.5 < count.mean() < 5.0
    # Far from a common Poisson rate.
    assert count.var() > 2.5 * count.mean()
    assert (count == 0).mean() > 0.08


def test_repairs_bring_complaints_and_comebacks(demo):
    visits = demo.visits()
    share = (visits.comeback == "y").mean()
    assert 0.012 < share < 0.04
    assert (demo.files["events"].kind == "complaint").mean() > 0.02


def test_churn_is_neither_certain_nor_told_by_recency(demo):
    """At-risk base: bought or visited in the 24 months before; churned: no visit in twelve."""
    begin, people = pd.Timestamp("2025-11-01"), demo.files["customers"].query("kind == 'person'")
    key = ["store_code", "customer_no"]
    visits = demo.paid_visits()[[*key, "day"]]
    bought = demo.files["vehicles"].query("sold_on != ''")[[*key, "sold_on"]]
    bought = bought.assign(day=pd.to_datetime(bought.sold_on))[[*key, "day"]]
    past = pd.concat([visits, bought])
    last = past[past.day < begin].groupby(key).day.max()
    last = last[last.index.isin(pd.MultiIndex.from_frame(people[key]))]
    recency = (begin - last).dt.days
    recency = recency[recency <= 730]
    came = visits[visits.day >= begin].groupby(key).size()
    churned = ~recency.index.isin(came.index)
    assert 0.38 < churned.mean() < 0.60
    assert 0.62 < roc_auc_score(churned, recency) < 0.73
