"""Peers: made comparable by the age of the car that a customer had a year before."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.models import Ownership, Vehicle
from organization.access import Access, entered
from tests.factories import make_customer, make_vehicle, make_visit
from tests.valuation.score_sets import AS_OF, make_score
from valuation import peers
from valuation.engine import create_valuation
from valuation.indicators.recording import record
from valuation.inputs import read_cars
from valuation.models import UnitIndicators
from valuation.peers import ALWAYS, CAR_AGES, NEVER, Cars
from valuation.units import Node, Tree

DAY = date(2024, 1, 1)
EPOCH = date(1970, 1, 1)


def cars(*rows: tuple[int, date | None, date | None, date | None]) -> Cars:
    """``customer, born, since, until`` of each."""
    columns = list(zip(*rows, strict=True)) or [()] * 4

    def days(column, otherwise):
        return np.array([otherwise if d is None else (d - EPOCH).days for d in column], np.int64)

    return Cars(
        np.array(columns[0], np.int64),
        days(columns[1], 0),
        days(columns[2], ALWAYS),
        days(columns[3], NEVER),
    )


def classes(held: Cars, *customers: int) -> list[str]:
    found = peers.car_age_class(np.array(customers, np.int64), held, DAY)
    return [CAR_AGES[one] for one in found]


class TestCarAge:
    @pytest.mark.parametrize(
        ("born", "age"),
        [
            (date(2023, 12, 31), "0-3"),
            (date(2021, 2, 1), "0-3"),
            (date(2020, 12, 1), "3-6"),
            (date(2017, 12, 1), "6-10"),
            (date(2013, 12, 1), "10+"),
        ],
    )
    def test_is_in_years_of_the_day(self, born, age):
        assert classes(cars((7, born, born, None)), 7) == [age]

    def test_is_that_of_the_newest_car_held(self):
        held = cars(
            (7, date(2010, 1, 1), None, None),
            (7, date(2022, 1, 1), None, None),
            (7, date(2018, 1, 1), None, None),
        )
        assert classes(held, 7) == ["0-3"]

    def test_a_car_sold_before_or_bought_after_is_none(self):
        held = cars((7, date(2022, 1, 1), None, date(2023, 6, 1)), (8, date(2022, 1, 1), DAY, None))
        assert classes(held, 7, 8) == ["unknown", "unknown"]

    def test_a_car_sold_within_the_year_after_still_counts(self):
        held = cars((7, date(2022, 1, 1), date(2022, 1, 1), date(2024, 6, 1)))
        assert classes(held, 7) == ["0-3"]

    def test_cars_of_people_outside_the_valuation_are_passed_over(self):
        held = cars((6, date(2022, 1, 1), None, None), (99, date(2022, 1, 1), None, None))
        assert classes(held, 7, 8) == ["unknown", "unknown"]
        assert classes(held) == []

    @given(st.permutations(range(6)))
    def test_the_order_of_the_rows_does_not_matter(self, order):
        rows = [(one % 3, date(2012 + 2 * one, 1, 1), None, None) for one in range(6)]
        shuffled = cars(*(rows[i] for i in order))
        assert classes(shuffled, 0, 1, 2) == classes(cars(*rows), 0, 1, 2)

    @given(st.lists(st.integers(0, 9_000), min_size=2, unique=True))
    def test_an_older_car_is_in_no_younger_class(self, days):
        born = [date.fromordinal(DAY.toordinal() - 1 - one) for one in sorted(days)]
        found = classes(cars(*((i, b, None, None) for i, b in enumerate(born))), *range(len(born)))
        assert all(CAR_AGES.index(a) <= CAR_AGES.index(b) for a, b in pairwise(found))

    @pytest.mark.parametrize(
        ("end", "day"),
        [(date(2025, 1, 1), date(2024, 1, 1)), (date(2024, 2, 29), date(2023, 2, 28))],
    )
    def test_a_year_before(self, end, day):
        assert peers.a_year_before(end) == day


def test_the_age_of_most_cars_is_the_units():
    assert peers.main_age(np.array([3, 9, 2, 0, 40])) == "3-6"
    assert peers.main_age(np.array([0, 0, 0, 0, 40])) == ""


def tree(*stores: str) -> Tree:
    """A group of one division with stores."""
    group = Node(1, "G", "G", "group", None, (1,))
    division = Node(2, "D", "D", "division", 1, (1, 2))
    below = [Node(10 + i, code, code, "store", 2, (1, 2, 10 + i)) for i, code in enumerate(stores)]
    return Tree((group, division, *below))


class TestPlaces:
    # Customers by age of car, and of them kept: A and B keep 90% of the young and 50% of the old,
    # C 60% and 40%. Common rates: (72 + 18 + 30) / 150 and (10 + 40 + 20) / 150.
    OPENING = np.array([[80, 20, 0, 0, 0], [20, 80, 0, 0, 0], [50, 50, 0, 0, 0]])
    RETAINED = np.array([[72, 10, 0, 0, 0], [18, 40, 0, 0, 0], [30, 20, 0, 0, 0]])
    FIGURES = {
        one: {"retention": kept, "ndr": ndr, "cac": cac}
        for one, kept, ndr, cac in (
            (1, 0.6, 1.0, 1.0),
            (2, 0.6, 1.0, 1.0),
            (10, 0.82, 0.9, 300.0),
            (11, 0.58, 1.0, 100.0),
            (12, 0.50, None, 200.0),
        )
    }

    def places(self):
        names = ("retention", "ndr", "cac")
        units = tree("A", "B", "C")
        return peers.places(units, self.FIGURES, names, self.OPENING, self.RETAINED, {"cac"})

    def test_retention_is_held_against_the_peers_at_the_same_ages(self):
        found = self.places()
        expected = [82 / (64 + 20 * 70 / 150), 58 / (16 + 80 * 70 / 150), 50 / (40 + 50 * 70 / 150)]
        assert [found[one].adjusted_retention for one in (10, 11, 12)] == pytest.approx(expected)
        assert [found[one].shares["retention"] for one in (10, 11, 12)] == [1.0, 0.5, 0.0]

    def test_what_is_better_when_lower_is_placed_so(self):
        found = self.places()
        assert [found[one].shares["cac"] for one in (10, 11, 12)] == [0.0, 1.0, 0.5]

    def test_a_figure_that_too_few_have_gives_no_place(self):
        found = self.places()
        assert {found[one].shares["ndr"] for one in (10, 11, 12)} == {None}
        assert found[10].known["ndr"] == 1

    def test_alone_on_its_level_a_unit_has_no_peers(self):
        found = self.places()
        assert found[2].peers == 0
        assert found[2].shares["retention"] is None
        assert found[2].opening.tolist() == [150, 150, 0, 0, 0]


@pytest.fixture
def cars_of_three_stores(portfolio):
    """A third store beside the two, cars of unlike age, and one customer who stayed away."""
    group = portfolio.group
    with entered(group.system):
        people = portfolio.score_set.run.models.filter(name="LUX/person").get()
        away, third = make_customer(group, "-S2", "赵六"), make_customer(group, "-S3", "钱七")
        for customer in (away, third):
            make_score(portfolio.score_set, people, customer)
            make_visit(group, customer, date(2023, 9, 1))
        make_visit(group, third, date(2024, 9, 1))
        for number, (customer, year) in enumerate(
            ((portfolio.steady, 2022), (portfolio.capped, 2012), (away, 2012), (third, 2012))
        ):
            make_vehicle(group, customer, f"LSVAA000000000{number:03}", date(year, 1, 1))
    return portfolio


def test_records_give_cars_with_the_periods_in_which_they_were_held(portfolio):
    group = portfolio.group
    with entered(group.system):
        make_vehicle(group, portfolio.steady, "LSVAA000000000001", date(2019, 6, 1))
        ownership = Ownership.objects.get()
        Vehicle.objects.filter(pk=ownership.vehicle_id).update(built_on=date(2019, 5, 1))
        Ownership.objects.filter(pk=ownership.pk).update(
            owned_from=date(2019, 6, 1), owned_to=date(2024, 7, 1)
        )
        found = read_cars()
    (place,) = np.flatnonzero(found.customer == portfolio.steady.pk)
    days = (found.born[place], found.since[place], found.until[place])
    assert [date.fromordinal(EPOCH.toordinal() + int(one)) for one in days] == [
        *(date(2019, 5, 1), date(2019, 6, 1), date(2024, 7, 1)),
    ]


def test_the_league_and_the_indicators_tell_the_same_places(cars_of_three_stores):
    group = cars_of_three_stores.group
    valued, _created = create_valuation(group.system, AS_OF)
    record(Access.system(group.tenant.pk, "test"), reason="test", months=1)
    with entered(group.system):
        rows = {one.unit_id: one.peers for one in UnitIndicators.objects.all()}
        stored = {one.unit_id: one.peers["quantiles"] for one in valued.units.all()}
    assert rows.keys() == stored.keys()
    for unit, own in stored.items():
        for name in ("retention", "ndr", "nps", "return_rate"):
            place = rows[unit].get(name, [None])[0]
            assert place == (None if own[name] is None else round(own[name], 4)), (unit, name)
    places = [own["retention"] for own in stored.values()]
    assert {0.0, 1.0} <= set(places)


def test_a_corrected_age_of_a_car_makes_another_valuation(cars_of_three_stores):
    group = cars_of_three_stores.group
    create_valuation(group.system, AS_OF)
    with entered(group.system):
        Vehicle.objects.filter(ownerships__customer=cars_of_three_stores.steady).update(
            built_on=date(2001, 1, 1)
        )
    _again, created = create_valuation(Access.system(group.tenant.pk, "test"), AS_OF)
    assert created
