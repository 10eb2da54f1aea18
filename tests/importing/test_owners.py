"""A vehicle changes its owner: one ownership ends, the next begins, two people stay two."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from customers.importing.running import import_path
from customers.models import Customer, CustomerSource, FollowUp, MergeProposal, Ownership, Vehicle
from organization.access import entered
from tests.importing.deliveries import VIN, base, customer, system, vehicle, write

pytestmark = pytest.mark.django_db
SINCE, DAY, LATER = "2020-05-01", "2024-03-10", "2024-09-20"
Periods = dict[str, tuple[date | None, date | None]]


def change(no: str = "K1", store: str = "S2", day: str = DAY, event: str = "E1") -> Any:
    return {
        **{"store_code": store, "event_no": event, "kind": "ownership_change"},
        **{"happened_at": f"{day} 10:00", "customer_no": no, "vin": VIN},
    }


def load(tmp_path: Path, *events: Any, **files: Any) -> Any:
    rows = base() | {
        "customers": [customer(), customer("K1", "S2", name="李伟", mobile="13700000001")],
        "vehicles": [vehicle(owned_from=SINCE, owned_to="")],
        "events": list(events),
    }
    return import_path(write(tmp_path, {name: r for name, r in (rows | files).items() if r}))


def periods() -> Periods:
    with entered(system()):
        found = Ownership.objects.select_related("source").order_by("source__customer_no")
        return {o.source.customer_no: (o.owned_from, o.owned_to) for o in found}


def day(text: str) -> date:
    return date.fromisoformat(text)


def test_the_new_owner_takes_over_from_the_former(tmp_path: Path) -> None:
    load(tmp_path, change())
    assert periods() == {"C1": (day(SINCE), day(DAY)), "K1": (day(DAY), None)}
    with entered(system()):
        assert Customer.objects.count() == 2
        assert not MergeProposal.objects.exists()
        assert len(Vehicle.objects.get().stores) == 2


def test_who_gives_the_vehicle_up_leaves_it_without_an_owner(tmp_path: Path) -> None:
    load(tmp_path, change("C1", "S1"))
    assert periods() == {"C1": (day(SINCE), day(DAY))}


def test_an_event_that_names_nobody_ends_what_stood(tmp_path: Path) -> None:
    load(tmp_path, change("", "S1"))
    assert periods() == {"C1": (day(SINCE), day(DAY))}


def test_namesakes_are_not_merged_by_the_car_that_one_sold_the_other(tmp_path: Path) -> None:
    people = [customer(), customer("K1", "S2", mobile="13700000001")]
    load(tmp_path, change(), customers=people)
    with entered(system()):
        assert Customer.objects.count() == 2


def test_twice_in_one_file_the_last_owner_has_it(tmp_path: Path) -> None:
    others = [
        customer("K1", "S2", name="李伟", mobile="13700000001"),
        customer("K2", "S2", name="张敏", mobile="13700000002"),
    ]
    load(
        tmp_path,
        change("K2", day=LATER, event="E2"),
        change("K1"),
        customers=[customer(), *others],
    )
    assert periods() == {
        "C1": (day(SINCE), day(DAY)),
        "K1": (day(DAY), day(LATER)),
        "K2": (day(LATER), None),
    }


def test_the_same_files_again_change_nothing(tmp_path: Path) -> None:
    load(tmp_path, change())
    once = periods()
    report = load(tmp_path / "again", change())
    assert periods() == once
    for kind in ("vehicles", "events"):
        assert (report.kinds[kind].updated, report.kinds[kind].unchanged) == (0, 1)


def test_a_corrected_day_moves_both_ownerships(tmp_path: Path) -> None:
    load(tmp_path, change())
    load(tmp_path / "later", change(day=LATER), vehicles=[])
    assert periods() == {"C1": (day(SINCE), day(LATER)), "K1": (day(LATER), None)}


def test_a_former_owner_who_buys_it_back_holds_it_again(tmp_path: Path) -> None:
    load(tmp_path, change())
    load(tmp_path / "back", vehicles=[vehicle(owned_from=LATER, owned_to="")])
    assert periods()["C1"] == (day(LATER), None)


def test_service_due_is_no_longer_the_former_owners(tmp_path: Path) -> None:
    load(tmp_path)
    with entered(system()) as access:
        old = CustomerSource.objects.get(customer_no="C1")
        FollowUp.objects.create(
            tenant_id=access.tenant_id,
            store_id=old.store_id,
            customer_id=old.customer_id,
            vehicle=Vehicle.objects.get(),
            reason="due",
            due_on=timezone.localdate(),
        )
    load(tmp_path / "event", change(), vehicles=[])
    with entered(system()):
        assert FollowUp.objects.get().closed_at is not None


OTHERS = [
    customer(),
    customer("K1", "S2", name="李伟", mobile="13700000001"),
    customer("K2", "S2", name="张敏", mobile="13700000002"),
    customer("K3", "S1", name="陈静", mobile="13700000003"),
]
CHAIN = {
    "E1": change("K1"),
    "E2": change("K2", day="2024-06-01", event="E2"),
    "E3": change("K3", "S1", day=LATER, event="E3"),
}


def deleted(*events: str) -> Any:
    stores = {name: CHAIN[name]["store_code"] for name in events}
    return [
        {"file": "events", "store_code": stores[name], "event_no": name, "customer_no": ""}
        for name in events
    ]


def ownerships() -> dict[str, Any]:
    """All that ownerships and vehicles say, whatever ids they have."""
    with entered(system()):
        rows = Ownership.objects.select_related("source__store", "vehicle")
        found = {
            o.source.customer_no: (o.owned_from, o.owned_to, o.sold_on, o.store.code, o.customer_id)
            for o in rows
        }
        return found | {"stores": sorted(Vehicle.objects.get().stores)}


class TestTakenBack:
    """Load, delete, load again: as if the event had never been loaded."""

    @pytest.mark.parametrize(
        "gone", [["E1"], ["E2"], ["E3"], ["E1", "E2"], ["E2", "E3"], ["E1", "E2", "E3"]]
    )
    def test_what_is_left_is_what_the_other_events_make(
        self, tmp_path: Path, gone: list[str]
    ) -> None:
        load(tmp_path / "base", customers=OTHERS)
        left = [row for name, row in CHAIN.items() if name not in gone]
        for event in left:
            load(tmp_path / f"left-{event['event_no']}", event, vehicles=[])
        never = ownerships()
        # Those that will go come last, though they happened before: all are told in order.
        load(tmp_path / "all", *CHAIN.values(), vehicles=[])
        loaded = ownerships()
        report = load(tmp_path / "gone", vehicles=[], deleted=deleted(*gone))
        assert report.kinds["deleted"].updated == len(gone)
        assert ownerships() == never
        load(tmp_path / "files", customers=OTHERS)
        assert ownerships() == never
        load(tmp_path / "once more", *CHAIN.values(), vehicles=[])
        assert ownerships() == loaded

    @pytest.mark.parametrize(
        "order", [("E1", "E2", "E3"), ("E3", "E2", "E1"), ("E2", "E3", "E1"), ("E3", "E1", "E2")]
    )
    def test_in_whatever_order_events_come_the_last_one_has_it(
        self, tmp_path: Path, order: tuple[str, ...]
    ) -> None:
        load(tmp_path / "base", customers=OTHERS)
        for name in order:
            load(tmp_path / name, CHAIN[name], vehicles=[])
        assert periods() == {
            "C1": (day(SINCE), day(DAY)),
            "K1": (day(DAY), day("2024-06-01")),
            "K2": (day("2024-06-01"), day(LATER)),
            "K3": (day(LATER), None),
        }

    def test_an_event_that_names_another_customer_now_leaves_nothing_behind(
        self, tmp_path: Path
    ) -> None:
        load(tmp_path / "first", change(), customers=OTHERS)
        load(tmp_path / "second", change("K2"), customers=OTHERS, vehicles=[])
        assert periods() == {"C1": (day(SINCE), day(DAY)), "K2": (day(DAY), None)}

    def test_what_a_file_said_since_stays(self, tmp_path: Path) -> None:
        load(tmp_path / "event", change())
        load(tmp_path / "back", vehicles=[vehicle(owned_from=LATER, owned_to="")])
        load(tmp_path / "gone", vehicles=[], deleted=deleted("E1"))
        assert periods() == {"C1": (day(LATER), None)}

    def test_a_follow_up_that_it_closed_is_open_again(self, tmp_path: Path) -> None:
        load(tmp_path / "base")
        with entered(system()) as access:
            old = CustomerSource.objects.get(customer_no="C1")
            for reason, closed in (("due", None), ("lost", timezone.now())):
                FollowUp.objects.create(
                    tenant_id=access.tenant_id,
                    store_id=old.store_id,
                    customer_id=old.customer_id,
                    vehicle=Vehicle.objects.get(),
                    reason=reason,
                    due_on=timezone.localdate(),
                    closed_at=closed,
                )
        load(tmp_path / "event", change(), vehicles=[])
        load(tmp_path / "gone", vehicles=[], deleted=deleted("E1"))
        with entered(system()):
            assert [one.reason for one in FollowUp.objects.filter(closed_at=None)] == ["due"]

    def test_an_ownership_that_was_known_before_says_again_what_it_said(
        self, tmp_path: Path
    ) -> None:
        rows = [vehicle(owned_from=SINCE, owned_to=""), vehicle(no="K1", store="S2")]
        new = customer("K1", "S2", name="李伟", mobile="13700000001", created_on=DAY)
        load(tmp_path / "base", customers=[customer(), new], vehicles=rows)
        never = ownerships()
        load(tmp_path / "event", change(), customers=[], vehicles=[])
        assert periods() == {"C1": (day(SINCE), day(DAY)), "K1": (day(DAY), None)}
        load(tmp_path / "gone", customers=[], vehicles=[], deleted=deleted("E1"))
        assert ownerships() == never

    def test_other_events_of_the_vehicle_are_deleted_without_it(self, tmp_path: Path) -> None:
        call = {**change(event="E9"), "kind": "call"}
        load(tmp_path / "events", change(), call)
        before = ownerships()
        gone = [{"file": "events", "store_code": "S2", "event_no": "E9"}]
        load(tmp_path / "gone", vehicles=[], deleted=gone)
        assert ownerships() == before
