"""The folder as a loader sees it: complete, consistent, repeatable, dirty only where declared."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from customers.demonstration import generate

UNTIL = date(2026, 11, 20)

KEYS = {
    "org_units": ["code"],
    "staff": ["username"],
    "policies": ["division_code", "model", "valid_from"],
    "customers": ["store_code", "customer_no"],
    "vehicles": ["vin", "store_code", "customer_no", "owned_from"],
    "visits": ["store_code", "ro_no"],
    "visit_lines": ["store_code", "ro_no", "line_no"],
    "contracts": ["store_code", "contract_no"],
    "events": ["store_code", "event_no"],
    "nps": ["store_code", "survey_no"],
    "marketing": ["store_code", "month", "channel"],
    "financials": ["unit_code", "month", "scope"],
    "targets": ["unit_code", "month", "metric"],
    "deleted": ["file", "store_code", "ro_no"],
    "comparables": ["name", "as_of"],
}


def test_every_kind_of_file_has_rows(demo):
    assert set(demo.files) == set(KEYS)
    assert {kind: len(frame) for kind, frame in demo.files.items()} == demo.summary.rows
    assert min(demo.summary.rows.values()) > 0


@pytest.mark.parametrize("kind", KEYS)
def test_keys_are_unique_but_for_declared_duplicates(demo, kind):
    repeated = demo.files[kind].duplicated(KEYS[kind]).sum()
    declared = demo.summary.dirt["duplicate_visit_key"] if kind == "visits" else 0
    assert repeated == declared


def test_visits_refer_to_customers_but_for_declared_strangers(demo):
    visits, customers = demo.files["visits"], demo.files["customers"]
    known = set(zip(customers.store_code, customers.customer_no, strict=True))
    unknown = sum(
        key not in known for key in zip(visits.store_code, visits.customer_no, strict=True)
    )
    dirt = demo.summary.dirt
    assert unknown == dirt["unknown_store"] + dirt["visit_of_unknown_customer"]


def test_visits_name_vehicles_but_for_declared_misprints(demo):
    visits, vins = demo.files["visits"], set(demo.files["vehicles"].vin)
    strange = visits[~visits.vin.isin(vins) & (visits.vin != "")]
    # A misprinted row may be one of the declared duplicates or copies, too.
    assert 0 < len(strange) <= demo.summary.dirt["visit_vin_letter_o"] + 5
    assert strange.vin.str.contains("O").all()


@pytest.mark.parametrize("kind", ["contracts", "events", "nps", "vehicles"])
def test_other_files_refer_to_customers(demo, kind):
    frame, customers = demo.files[kind], demo.files["customers"]
    frame = frame[frame.customer_no != ""]
    known = set(zip(customers.store_code, customers.customer_no, strict=True))
    assert set(zip(frame.store_code, frame.customer_no, strict=True)) <= known


@pytest.mark.parametrize("kind", ["visit_lines", "events", "nps"])
def test_orders_referred_to_exist(demo, kind):
    visits = demo.files["visits"]
    known = set(zip(visits.store_code, visits.ro_no, strict=True))
    frame = demo.files[kind]
    frame = frame[frame.ro_no != ""]
    assert set(zip(frame.store_code, frame.ro_no, strict=True)) <= known


def test_credits_and_comebacks_point_to_an_earlier_order_of_the_store(demo):
    visits = demo.visits()
    later = visits[visits.original_ro_no != ""]
    earlier = visits.set_index(["store_code", "ro_no"]).day
    before = earlier.reindex(pd.MultiIndex.from_frame(later[["store_code", "original_ro_no"]]))
    assert (before.to_numpy() <= later.day.to_numpy()).all()
    assert set(later.status[later.status == "credit"].index) == set(
        visits.index[visits.status == "credit"]
    )


def test_a_credit_turns_the_signs_of_its_original(demo):
    visits = demo.visits().set_index(["store_code", "ro_no"])
    credit = visits[visits.status == "credit"].reset_index()
    original = visits.loc[pd.MultiIndex.from_frame(credit[["store_code", "original_ro_no"]])]
    assert (credit.outside.to_numpy() == -original.outside.to_numpy()).all()


def test_payers_add_up_to_labour_and_parts_less_discount(demo):
    visits = demo.visits()
    payers = visits.outside + visits.pay_internal
    assert ((visits.labour_amount + visits.parts_amount - visits.discount) - payers).abs().max() < (
        0.005
    )


def test_lines_done_add_up_to_the_order(demo):
    visits = demo.visits()
    lines = demo.files["visit_lines"]
    lines = lines[lines.declined == "n"]
    total = lines.labour_amount.astype(float) + lines.parts_amount.astype(float)
    per_order = total.groupby([lines.store_code, lines.ro_no]).sum()
    visits = visits[visits.status != "credit"].set_index(["store_code", "ro_no"])
    expected = visits.labour_amount + visits.parts_amount
    assert (per_order.reindex(expected.index) - expected).abs().max() < 0.005


def test_visits_end_the_day_before_until_and_begin_six_years_earlier(demo):
    days = demo.visits().day
    assert days.max() == pd.Timestamp("2026-11-19")
    assert days.min() == pd.Timestamp("2020-11-01")


def test_one_feed_is_late(demo):
    last = demo.visits().groupby("store_code").day.max()
    late = demo.summary.late_store
    assert last[late] < pd.Timestamp("2026-11-11")
    assert (last.drop(late) > pd.Timestamp("2026-11-15")).all()


def test_every_store_expects_arrivals_on_the_day(demo):
    events = demo.files["events"]
    booked = events[(events.status == "booked") & events.happened_at.str.startswith("2026-11-20")]
    assert (booked.groupby("store_code").size() >= 5).sum() == 12
    assert (demo.files["visits"].status == "open").any()


def test_one_login_per_role_is_named_and_stands_in_the_staff_file(demo):
    staff = demo.files["staff"].set_index("username")
    for login in demo.summary.logins:
        row = staff.loc[login.username]
        assert (row.role, row.unit_code) == (login.role, login.unit_code)
    assert {login.role for login in demo.summary.logins} == {
        "executive", "manager", "advisor", "analyst", "data_steward", "auditor", "administrator",
    }  # fmt: skip
    by_name = {login.username: login.unit_code for login in demo.summary.logins}
    assert by_name["advisor"] == by_name["store_manager"]


def test_advisors_of_visits_work_at_the_store(demo):
    staff = demo.files["staff"]
    known = set(zip(staff.unit_code, staff.username, strict=True))
    visits = demo.visits()
    assert set(zip(visits.store_code, visits.advisor, strict=True)) <= known


def test_declared_dirt_is_there(demo):
    files, dirt = demo.files, demo.summary.dirt
    assert (files["nps"].score == "11").sum() == dirt["score_eleven"] > 0
    assert files["customers"].mobile.str.contains("E").sum() == dirt["scientific_mobile"] > 0
    assert (files["visits"].store_code == "XQ-S99").sum() == dirt["unknown_store"] > 0
    assert (files["visits"].opened_at >= "2027").sum() == dirt["future_date"] > 0
    assert (files["customers"].name == "测试").sum() == dirt["test_customer"] == 1
    bad = files["vehicles"].vin.drop_duplicates().str.contains("[IOQ]").sum()
    assert bad == dirt["vehicle_vin_letter"] > 0


def test_dirt_is_a_few_per_mille(demo):
    assert sum(demo.summary.dirt.values()) < 0.01 * demo.summary.rows["visits"]


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_same_arguments_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        generate(tmp_path / name, customers=300, seed=3, until=date(2025, 5, 1))
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")


def test_another_seed_gives_another_group(tmp_path):
    for seed in (3, 4):
        generate(tmp_path / str(seed), customers=300, seed=seed, until=date(2025, 5, 1))
    one, two = _bytes(tmp_path / "3"), _bytes(tmp_path / "4")
    assert one["visits.csv"] != two["visits.csv"]


@pytest.mark.parametrize("stores", [6, 7, 25])
def test_small_groups_and_other_numbers_of_stores(tmp_path, stores):
    summary = generate(tmp_path, customers=60, until=date(2026, 1, 1), stores=stores)
    assert summary.rows["org_units"] == 1 + 3 + 6 + stores
    assert {login.unit_code for login in summary.logins} <= {
        line.split(",")[0] for line in (tmp_path / "org_units.csv").read_text().splitlines()
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stores": 5}, "6 regions"),
        ({"customers": 10}, "at least 50"),
        ({"until": date(2050, 1, 1)}, "holiday calendar"),
    ],
)
def test_impossible_groups_are_refused(tmp_path, change, words):
    arguments = {"customers": 100, "until": date(2026, 1, 1)} | change
    with pytest.raises(ValueError, match=words):
        generate(tmp_path, **arguments)


def test_the_day_of_every_record_lies_before_until(demo):
    for kind, column in (
        ("customers", "created_on"),
        ("vehicles", "sold_on"),
        ("vehicles", "built_on"),
        ("vehicles", "owned_from"),
        ("vehicles", "owned_to"),
        ("nps", "answered_at"),
    ):
        assert demo.files[kind][column].max() < UNTIL.isoformat(), (kind, column)
    happened = demo.files["events"]
    assert happened.happened_at[happened.status != "booked"].max() < UNTIL.isoformat()


def test_cars_are_built_before_they_are_owned_and_driven_forward(demo):
    cars = demo.files["vehicles"]
    assert (cars.built_on < cars.owned_from).all()
    owned = cars[cars.owned_to != ""]
    assert (owned.owned_from < owned.owned_to).all()
    visits = demo.visits().merge(cars[["vin", "built_on"]].drop_duplicates(), on="vin")
    assert (visits.built_on < visits.opened_at.str[:10]).all()
