"""What is read for the models out of a tiny group whose frames are computed by hand."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from customers.models import BrandPolicy, Customer, CustomerSource, MonthlyFinancials, Ownership
from ml.extraction import Extract, NotEnoughData, extract, visit_days
from organization.access import Access, NoAccess, entered
from tests.factories import Group, make_customer, make_vehicle, make_visit

AS_OF = date(2025, 1, 1)
VIN = "LATPAB071W1005301"


def days_of(data: Extract, customer: Customer) -> pd.DataFrame:
    found = data.records.visit_days
    return found[found["customer"] == customer.pk].set_index(["day", "store"]).sort_index()


def only(frame: pd.DataFrame) -> dict[str, Any]:
    assert len(frame) == 1
    return dict(frame.iloc[0])


def visit_at(group: Group, customer: Customer, suffix: str, day: date, paid_fen: int) -> None:
    """A visit under the customer's number at that store, which is given on the first occasion."""
    store = group.units[suffix]
    source, _new = CustomerSource.objects.get_or_create(
        tenant=group.tenant,
        store=store,
        customer=customer,
        defaults={"customer_no": f"{suffix}{customer.pk}", "kind": customer.kind},
    )
    visit = make_visit(group, make_customer(group, suffix), day, paid_fen)
    visit.customer, visit.source = customer, source
    visit.save()


@pytest.mark.usefixtures("system")
class TestVisitDays:
    def test_orders_of_one_day_at_one_store_are_one_visit_day(self, group: Group) -> None:
        wang = make_customer(group)
        make_visit(group, wang, date(2024, 5, 6), 100_00, cost_fen=60_00, kind="maintenance")
        make_visit(
            *(group, wang, date(2024, 5, 6), 50_00),
            pay_warranty_fen=30_00,
            cost_fen=20_00,
            kind="repair",
            mileage_km=12_000,
        )
        day = only(days_of(extract(AS_OF), wang))
        assert day["revenue"] == pytest.approx(180.0)
        assert day["revenue_customer"] == pytest.approx(150.0)
        assert day["revenue_manufacturer"] == pytest.approx(30.0)
        assert day["margin"] == pytest.approx(180.0 - 80.0)
        assert (day["maintenance"], day["repair"], day["mileage_km"]) == (1, 1, 12_000)

    def test_a_credit_nets_its_original_on_the_original_s_day(self, group: Group) -> None:
        wang = make_customer(group)
        make_visit(group, wang, date(2024, 5, 6), 100_00, cost_fen=60_00, ro_no="A")
        make_visit(
            *(group, wang, date(2025, 3, 1), -40_00),  # written after the as-of date
            ro_no="A-credit",
            status="credit",
            original_ro_no="A",
            cost_fen=-10_00,
        )
        found = days_of(extract(AS_OF), wang)
        day = only(found)
        assert found.index[0][0] == pd.Timestamp("2024-05-06")
        assert day["revenue"] == pytest.approx(60.0)
        assert day["margin"] == pytest.approx(60.0 - 50.0)

    def test_an_order_credited_in_full_is_no_visit(self, group: Group) -> None:
        wang = make_customer(group)
        make_visit(group, wang, date(2024, 1, 1))
        make_visit(group, wang, date(2024, 5, 6), 100_00, ro_no="A")
        make_visit(
            group, wang, date(2024, 5, 7), 100_00, ro_no="B", status="credit", original_ro_no="A"
        )
        found = days_of(extract(AS_OF), wang)
        assert [day for day, _store in found.index] == [pd.Timestamp("2024-01-01")]

    def test_a_credit_of_another_store_with_the_same_number_nets_nothing(
        self, group: Group
    ) -> None:
        wang, li = make_customer(group, "-S1"), make_customer(group, "-S2", "李强")
        make_visit(group, wang, date(2024, 5, 6), 100_00, ro_no="A")
        make_visit(
            group, li, date(2024, 5, 7), 100_00, ro_no="B", status="credit", original_ro_no="A"
        )
        assert only(days_of(extract(AS_OF), wang))["revenue"] == pytest.approx(100.0)

    def test_internal_and_cancelled_work_is_no_visit(self, group: Group) -> None:
        wang = make_customer(group)
        make_visit(group, wang, date(2024, 1, 1))
        make_visit(group, wang, date(2024, 2, 1), 0, pay_internal_fen=500_00, kind="pdi")
        make_visit(group, wang, date(2024, 3, 1), 100_00, status="cancelled")
        assert len(days_of(extract(AS_OF), wang)) == 1

    def test_the_cost_of_internal_work_of_the_same_day_is_not_the_payers(
        self, group: Group
    ) -> None:
        wang = make_customer(group)
        make_visit(
            *(group, wang, date(2024, 5, 6), 300_00), pay_internal_fen=100_00, cost_fen=200_00
        )
        # Outside payers owe 300 of 400 worth of work: three quarters of the cost.
        assert only(days_of(extract(AS_OF), wang))["margin"] == pytest.approx(300.0 - 150.0)

    def test_warranty_and_insurer_work_is_presence_too(self, group: Group) -> None:
        wang = make_customer(group)
        make_visit(group, wang, date(2024, 2, 1), 0, pay_warranty_fen=80_00, kind="recall")
        make_visit(group, wang, date(2024, 3, 1), 0, pay_insurance_fen=900_00, kind="accident")
        found = days_of(extract(AS_OF), wang)
        assert found["revenue"].tolist() == pytest.approx([80.0, 900.0])
        assert found["accident_revenue"].tolist() == pytest.approx([0.0, 900.0])
        assert found["warranty_work"].tolist() == [1, 0]

    def test_the_as_of_day_itself_is_the_future(self, group: Group) -> None:
        wang = make_customer(group)
        make_visit(group, wang, date(2024, 12, 31))
        make_visit(group, wang, AS_OF)
        found = days_of(extract(AS_OF), wang)
        assert [day for day, _store in found.index] == [pd.Timestamp("2024-12-31")]

    def test_without_a_cost_the_declared_margin_rate_holds(self, group: Group) -> None:
        BrandPolicy.objects.create(
            tenant=group.tenant,
            unit=group.units["-LUX"],
            valid_from=date(2020, 1, 1),
            margin_rate_fallback="0.3500",
        )
        lux, jv = make_customer(group, "-S1"), make_customer(group, "-S4", "李强")
        make_visit(group, lux, date(2024, 5, 6), 100_00)
        make_visit(group, jv, date(2024, 5, 6), 100_00)
        data = extract(AS_OF)
        assert only(days_of(data, lux))["margin"] == pytest.approx(35.0)
        assert only(days_of(data, jv))["margin"] == pytest.approx(40.0)  # no policy: 40%

    def test_the_margin_is_scaled_to_the_ledger_s(self, group: Group) -> None:
        wang = make_customer(group)
        make_visit(group, wang, date(2024, 5, 6), 100_00, cost_fen=20_00)
        MonthlyFinancials.objects.create(
            tenant=group.tenant,
            unit=group.units["-S1"],
            month=date(2024, 5, 1),
            scope="after_sales",
            revenue_fen=100_00,
            parts_cost_fen=40_00,
            labour_cost_fen=20_00,
        )
        data = extract(AS_OF)
        # Orders say 80%, the books 40%: the factor is one half, and it is kept.
        assert only(days_of(data, wang))["margin"] == pytest.approx(40.0)
        factor = only(data.margin_factors)
        assert factor["factor"] == pytest.approx(0.5)
        assert factor["store"] == group.units["-S1"].pk

    def test_declined_work_is_counted_on_its_day(self, group: Group) -> None:
        wang = make_customer(group)
        visit = make_visit(group, wang, date(2024, 5, 6))
        for number in (1, 2):
            visit.lines.create(
                tenant=group.tenant, store=visit.store, line_no=str(number), declined=True
            )
        visit.lines.create(tenant=group.tenant, store=visit.store, line_no="3", declined=False)
        assert only(days_of(extract(AS_OF), wang))["declined"] == 2

    def test_a_valuation_reads_the_same_days(self, group: Group) -> None:
        wang = make_customer(group)
        make_visit(group, wang, date(2024, 5, 6), 100_00, cost_fen=20_00)
        whole = extract(AS_OF).records.visit_days
        alone, _factors = visit_days(AS_OF)
        pd.testing.assert_frame_equal(alone, whole[alone.columns])


@pytest.mark.usefixtures("system")
class TestCustomers:
    def test_who_neither_bought_nor_came_is_not_born(self, group: Group) -> None:
        came, bought, neither = (make_customer(group, name=name) for name in "甲乙丙")
        later = make_customer(group, name="丁")
        make_visit(group, came, date(2024, 5, 6))
        make_vehicle(group, bought, VIN, date(2024, 2, 1))
        make_visit(group, later, date(2025, 2, 1))
        known = extract(AS_OF).records.customers
        assert {came.pk, bought.pk} <= set(known.index)
        assert neither.pk not in known.index
        assert later.pk not in known.index

    def test_test_records_insurers_and_the_group_itself_stay_out(self, group: Group) -> None:
        wang = make_customer(group)
        left_out = [
            make_customer(group, name="测试", is_test=True),
            make_customer(group, name="平安保险", kind="insurer"),
            make_customer(group, name="本店", kind="internal"),
        ]
        for number, customer in enumerate([wang, *left_out]):
            make_vehicle(group, customer, f"LATPAB071W{number:07d}", date(2024, 1, 1))
            make_visit(group, customer, date(2024, 5, 6))
        records = extract(AS_OF).records
        assert list(records.customers.index) == [wang.pk]
        assert set(records.visit_days["customer"]) == {wang.pk}
        assert set(records.vehicles["customer"]) == {wang.pk}

    def test_division_and_segment_decide_the_cohort(self, group: Group) -> None:
        cohorts = {}
        for suffix, kind in (("-S1", "person"), ("-S4", "fleet"), ("-S3", "employee")):
            customer = make_customer(group, suffix, kind=kind)
            make_visit(group, customer, date(2024, 5, 6))
            cohorts[customer.pk] = (suffix, kind)
        known = extract(AS_OF).records.customers
        found = {
            cohorts[int(pk)]: (row["division"], row["segment"]) for pk, row in known.iterrows()
        }
        assert found == {
            ("-S1", "person"): ("XQ-LUX", "person"),
            ("-S4", "fleet"): ("XQ-JV", "organisation"),
            ("-S3", "employee"): ("XQ-LUX", "person"),
        }

    def test_a_purchase_after_the_day_is_not_known_yet(self, group: Group) -> None:
        wang = make_customer(group)
        make_visit(group, wang, date(2024, 5, 6))
        make_vehicle(group, wang, VIN, AS_OF)
        records = extract(AS_OF).records
        assert records.purchases.empty
        assert records.vehicles.empty

    def test_a_vehicle_s_interval_is_its_own_else_the_model_s_else_the_division_s(
        self, group: Group
    ) -> None:
        for model, days in (("", 365), ("A6L", 300)):
            BrandPolicy.objects.create(
                tenant=group.tenant,
                unit=group.units["-LUX"],
                model=model,
                valid_from=date(2020, 1, 1),
                service_interval_days=days,
            )
        wang, sold = make_customer(group), date(2024, 1, 1)
        for vin, more in (
            ("LATPAB071W1000001", {"model": "A6L", "service_interval_days": 180}),
            ("LATPAB071W1000002", {"model": "A6L"}),
            ("LATPAB071W1000003", {"model": "Q5"}),
        ):
            make_vehicle(group, wang, vin, sold, **more)
        found = extract(AS_OF).records.vehicles.sort_values("vehicle")["service_interval_days"]
        assert found.tolist() == [180, 300, 365]


@pytest.mark.usefixtures("system")
class TestHomeStore:
    def home(self, customer: Customer, as_of: date = AS_OF) -> int:
        return int(extract(as_of).records.customers.at[customer.pk, "store"])

    def test_it_is_where_most_margin_of_two_years_was_earned(self, group: Group) -> None:
        wang = make_customer(group, "-S1")
        visit_at(group, wang, "-S1", date(2024, 11, 1), 100_00)
        visit_at(group, wang, "-S2", date(2024, 3, 1), 500_00)
        assert self.home(wang) == group.units["-S2"].pk

    def test_margin_of_long_ago_does_not_count(self, group: Group) -> None:
        wang = make_customer(group, "-S1")
        visit_at(group, wang, "-S1", date(2024, 11, 1), 100_00)
        visit_at(group, wang, "-S2", date(2022, 12, 31), 5_000_00)
        assert self.home(wang) == group.units["-S1"].pk

    def test_after_two_silent_years_it_is_where_he_was_seen_last(self, group: Group) -> None:
        wang = make_customer(group, "-S1")
        visit_at(group, wang, "-S1", date(2020, 1, 1), 900_00)
        visit_at(group, wang, "-S2", date(2021, 1, 1), 10_00)
        assert self.home(wang) == group.units["-S2"].pk

    def test_who_never_came_belongs_to_the_seller(self, group: Group) -> None:
        wang = make_customer(group, "-S1")
        vehicle = make_vehicle(group, wang, VIN, date(2024, 2, 1))
        Ownership.objects.filter(vehicle=vehicle).update(store=group.units["-S2"])
        assert self.home(wang) == group.units["-S2"].pk

    def test_it_is_that_of_the_day_not_of_today(self, group: Group) -> None:
        wang = make_customer(group, "-S1")
        visit_at(group, wang, "-S1", date(2024, 3, 1), 100_00)
        visit_at(group, wang, "-S2", date(2024, 9, 1), 500_00)
        assert self.home(wang, date(2024, 6, 1)) == group.units["-S1"].pk
        assert self.home(wang) == group.units["-S2"].pk


def test_an_empty_group_has_nothing_to_learn_from(system: Access) -> None:
    with pytest.raises(NotEnoughData, match="No customer bought or visited before 2025-01-01"):
        extract(AS_OF)


def test_another_group_s_orders_are_out_of_reach(group: Group, other_group: Group) -> None:
    for of in (group, other_group):
        with entered(of.system):
            make_visit(of, make_customer(of), date(2024, 5, 6))
    with entered(group.system):
        assert len(extract(AS_OF).records.visit_days) == 1


def test_outside_an_access_nothing_is_read(db: None) -> None:
    with pytest.raises(NoAccess):
        extract(AS_OF)
