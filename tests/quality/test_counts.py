"""Counts by store against a group of a few rows."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from customers.models import BrandPolicy, Consent, Customer
from customers.quality.counts import field_counts, first_month, kind_counts, monthly_sums
from organization.access import Access
from tests.factories import Group, make_customer, make_vehicle, make_visit
from tests.quality.world import AS_OF, YESTERDAY, ask, book, give_mobile, own, two_stores

JUNE = date(2026, 6, 1)


def counts(group: Group, suffix: str, field: str) -> tuple[int, int, int]:
    """Records, filled, valid."""
    frame = field_counts(group.tenant.pk, AS_OF).set_index(["store", "field"])
    row = frame.loc[(group.units[suffix].pk, field)]
    return int(row["records"]), int(row["filled"]), int(row["valid"])


def test_fields_of_orders(group: Group, system: Access) -> None:
    two_stores(group)
    assert counts(group, "-S1", "visit_vin") == (2, 2, 2)
    assert counts(group, "-S1", "mileage_km") == (2, 2, 1)  # 9,000 km, then 8,000
    assert counts(group, "-S1", "advisor") == (2, 2, 1)  # one is not on the list of staff
    assert counts(group, "-S1", "cost") == (2, 1, 1)
    assert counts(group, "-S2", "cost") == (1, 0, 0)
    assert counts(group, "-S2", "visit_vin") == (1, 0, 0)


def test_only_accepted_orders_of_real_customers_in_24_months_count(
    group: Group, system: Access
) -> None:
    wang = make_customer(group)
    tester = make_customer(group, name="测试", is_test=True)
    make_visit(group, wang, YESTERDAY)
    make_visit(group, wang, YESTERDAY, status="cancelled")
    make_visit(group, wang, AS_OF)
    make_visit(group, wang, date(2024, 11, 19))
    make_visit(group, tester, YESTERDAY)
    assert counts(group, "-S1", "cost")[0] == 1


@pytest.mark.parametrize(
    ("cost", "valid"), [(0, True), (200_000, True), (200_001, False), (-1, False)]
)
def test_a_cost_is_bad_if_negative_or_more_than_twice_what_was_paid(
    group: Group, system: Access, cost: int, valid: bool
) -> None:
    make_visit(group, make_customer(group), YESTERDAY, 100_000, cost_fen=cost)
    assert counts(group, "-S1", "cost") == (1, 1, int(valid))


def test_two_orders_of_one_day_may_read_the_mileage_in_any_order(
    group: Group, system: Access
) -> None:
    wang = make_customer(group)
    car = make_vehicle(group, wang, "LATPAB071W1005301")
    for km in (12_003, 12_000):
        make_visit(group, wang, YESTERDAY, vehicle=car, mileage_km=km)
    assert counts(group, "-S1", "mileage_km") == (2, 2, 2)


def test_a_mobile_on_four_numbers_is_bad_and_on_three_is_a_family(
    group: Group, system: Access
) -> None:
    for suffix, lookup, times in (("-S1", b"family", 3), ("-S2", b"salesman", 4)):
        for _ in range(times):
            give_mobile(make_customer(group, suffix), lookup)
    make_customer(group, "-S1")
    assert counts(group, "-S1", "mobile") == (4, 3, 3)
    assert counts(group, "-S2", "mobile") == (4, 4, 0)


def test_a_shared_mobile_is_counted_across_stores(group: Group, system: Access) -> None:
    for suffix in ("-S1", "-S2", "-S3", "-S4"):
        give_mobile(make_customer(group, suffix), b"shared")
    assert counts(group, "-S3", "mobile") == (1, 1, 0)


def test_a_vehicle_with_two_owners_at_once_is_marked_at_the_later_one(
    group: Group, system: Access
) -> None:
    first, second, third = (make_customer(group, suffix) for suffix in ("-S1", "-S2", "-S3"))
    car = make_vehicle(group, first, "LATPAB071W1005301", date(2020, 1, 1))
    first.ownerships.update(owned_to=date(2023, 1, 1))
    own(group, second, car, date(2022, 6, 1), date(2024, 1, 1))  # half a year too early
    own(group, third, car, date(2024, 1, 1), None)  # takes over on the day
    assert counts(group, "-S1", "owner") == (1, 1, 1)
    assert counts(group, "-S2", "owner") == (1, 1, 0)
    assert counts(group, "-S3", "owner") == (1, 1, 1)


def test_a_plate_on_two_vehicles_is_bad_unless_one_was_given_up(
    group: Group, system: Access
) -> None:
    customers = [make_customer(group) for _ in range(3)]
    for customer, vin, plate in zip(
        customers,
        ("LATPAB071W1005301", "LATPAB071W1005302", "LATPAB071W1005303"),
        ("京A12345", "京A12345", "京B12345"),
        strict=True,
    ):
        make_vehicle(group, customer, vin, date(2024, 1, 1), plate=plate)
    assert counts(group, "-S1", "plate") == (3, 3, 1)
    customers[0].ownerships.update(owned_to=date(2025, 1, 1))
    assert counts(group, "-S1", "plate") == (2, 2, 2)


@pytest.mark.parametrize(
    ("until", "valid"), [("2019-12-31", 0), ("2027-01-01", 1), ("2036-01-01", 0)]
)
def test_a_warranty_ends_within_15_years_of_building(
    group: Group, system: Access, until: str, valid: int
) -> None:
    make_vehicle(
        group,
        make_customer(group),
        "LATPAB071W1005301",
        # Sold used after its warranty: no contradiction.
        date(2026, 1, 1),
        built_on=date(2020, 1, 1),
        warranty_until=date.fromisoformat(until),
    )
    assert counts(group, "-S1", "warranty_until") == (1, 1, valid)


def test_birth_dates_are_counted_of_people_only(group: Group, system: Access) -> None:
    for kind, born in (("person", "1980-05-05"), ("person", "2015-05-05"), ("company", None)):
        customer: Customer = make_customer(group, kind=kind)
        customer.sources.update(birth_date=born)
    assert counts(group, "-S1", "birth_date") == (2, 2, 1)


def test_consent_and_distance(group: Group, system: Access) -> None:
    wang, li = make_customer(group), make_customer(group)
    wang.sources.update(distance_km=501)
    li.sources.update(distance_km=12)
    Consent.objects.create(
        tenant=group.tenant,
        store=group.units["-S1"],
        customer=wang,
        purpose="marketing",
        given=False,
        recorded_at="2026-01-01T00:00:00Z",
        origin="import",
    )
    assert counts(group, "-S1", "distance_km") == (2, 2, 1)
    assert counts(group, "-S1", "consent") == (2, 1, 1)  # a no is an answer


def test_an_answer_without_customer_is_filled_but_not_valid(group: Group, system: Access) -> None:
    wang = make_customer(group)
    for customer, score in ((wang, 9), (None, 3), (wang, None)):
        ask(group, customer, "-S1", YESTERDAY, score)
    assert counts(group, "-S1", "nps_answered") == (3, 2, 1)


def test_how_far_each_kind_reaches(group: Group, system: Access) -> None:
    two_stores(group)
    BrandPolicy.objects.create(
        tenant=group.tenant, unit=group.units["-LUX"], valid_from=date(2024, 1, 1)
    )
    stores = [group.units[suffix].pk for suffix in ("-S1", "-S2", "-S4")]
    frame = kind_counts(group.tenant.pk, AS_OF, stores).set_index(["store", "kind"])

    def of(suffix: str, kind: str) -> tuple[int, Any]:
        rows, through = frame.loc[(group.units[suffix].pk, kind)]
        return int(rows), None if pd.isna(through) else through.date()

    assert of("-S1", "visits") == (2, YESTERDAY)
    assert of("-S2", "visits") == (1, date(2026, 6, 10))
    assert of("-S4", "visits") == (0, None)
    assert of("-S1", "financials") == (1, date(2026, 6, 30))
    assert of("-S1", "vehicles") == (1, None)
    # The division's policy serves its stores, and S4 belongs to another.
    assert (of("-S1", "policies"), of("-S4", "policies")) == ((1, None), (0, None))


def test_a_month_under_way_reaches_to_yesterday_only(group: Group, system: Access) -> None:
    book(group, "-S1", date(2026, 11, 1), 1)
    frame = kind_counts(group.tenant.pk, AS_OF, [group.units["-S1"].pk]).set_index("kind")
    assert frame.loc["financials", "through"].date() == YESTERDAY


def test_twelve_complete_months_are_compared(group: Group, system: Access) -> None:
    assert first_month(AS_OF) == date(2025, 11, 1)
    wang = make_customer(group)
    for day in (date(2025, 10, 31), date(2025, 11, 1), date(2026, 10, 31), date(2026, 11, 1)):
        make_visit(group, wang, day)
    assert monthly_sums(group.tenant.pk, AS_OF)["month"].dt.date.tolist() == [
        date(2025, 11, 1),
        date(2026, 10, 1),
    ]


def test_outside_payers_and_credits_make_the_revenue_of_a_month(
    group: Group, system: Access
) -> None:
    wang = make_customer(group)
    make_visit(
        group, wang, date(2026, 6, 3), 100, pay_warranty_fen=20, pay_insurance_fen=3, ro_no="A"
    )
    make_visit(group, wang, date(2026, 6, 4), 0, pay_internal_fen=7)
    make_visit(group, wang, date(2026, 6, 5), 999, status="cancelled")
    make_visit(group, wang, date(2026, 7, 1), -40, status="credit", original_ro_no="A")
    book(group, "-S1", JUNE, 120)
    frame = monthly_sums(group.tenant.pk, AS_OF).set_index("month")
    june, july = frame.loc["2026-06-01"], frame.loc["2026-07-01"]
    assert (june["orders_fen"], june["internal_fen"], june["ledger_fen"]) == (123, 7, 120)
    assert july["orders_fen"] == -40
    assert np.isnan(july["ledger_fen"])


def test_books_without_orders_are_a_month_too(group: Group, system: Access) -> None:
    book(group, "-S1", JUNE, 500)
    book(group, "-E", JUNE, 500)  # a region's books are the sum of its stores'
    (row,) = monthly_sums(group.tenant.pk, AS_OF).to_dict("records")
    assert (row["store"], row["orders_fen"], row["ledger_fen"]) == (
        group.units["-S1"].pk,
        0,
        500,
    )


def test_the_margin_factor_is_books_margin_rate_over_orders(group: Group, system: Access) -> None:
    two_stores(group)
    frame = monthly_sums(group.tenant.pk, AS_OF).set_index("store")
    # Orders: (1000 − 600) / 1000 = 40%; books: (1000 − 700) / 1000 = 30%.
    assert frame.loc[group.units["-S1"].pk, "factor"] == pytest.approx(0.75)
    assert np.isnan(frame.loc[group.units["-S2"].pk, "factor"])


def test_orders_without_cost_take_the_nearest_declared_rate(group: Group, system: Access) -> None:
    for suffix, rate in (("", "0.5"), ("-LUX", "0.6")):
        BrandPolicy.objects.create(
            tenant=group.tenant,
            unit=group.units[suffix],
            valid_from=date(2024, 1, 1),
            margin_rate_fallback=rate,
        )
    make_visit(group, make_customer(group), date(2026, 6, 3), 1_000)
    book(group, "-S1", JUNE, 1_000, parts_cost_fen=700)
    assert monthly_sums(group.tenant.pk, AS_OF)["factor"].tolist() == [pytest.approx(0.3 / 0.6)]
