"""The customer profile: who sees what, and what must not be in the page."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from customers.models import Contract, Customer, Ownership, Vehicle
from customers.profile import car_title
from organization.access import entered
from organization.models import AuditEvent, Staff
from tests.customers.records import (
    VIN,
    ago,
    make_consent,
    make_contact,
    make_event,
    make_line,
    make_regular,
    make_score,
    make_score_set,
    make_survey,
    make_tag,
    today,
)
from tests.factories import Group, make_customer, make_vehicle, make_visit
from web import formats

pytestmark = pytest.mark.urls("tests.customers.urls")


@pytest.fixture
def wang(group: Group) -> Customer:
    with entered(group.system):
        customer, _ = make_regular(group, name="王芳")
        make_score(make_score_set(group), customer)
    return customer


def page(client: Client, customer: Customer, query: str = "") -> str:
    response = client.get(f"/customers/{customer.uid}/{query}", HTTP_ACCEPT_LANGUAGE="en")
    assert response.status_code == 200
    return response.content.decode()


def test_an_advisor_sees_car_owner_reasons_and_figures(client_of: Any, wang: Customer) -> None:
    html = page(client_of("advisor"), wang)
    for text in ("沪A12345", "王芳", "*******5678", "Periodic service", "Churn risk", "High"):
        assert text in html
    assert "silent for 300 days, usually every 150" in html
    assert "Last service 7 months ago" in html


@pytest.mark.parametrize("secret", ["86.4%", "75.3%", "1.37", "12.3k", "123,456", "Probabilities"])
def test_probabilities_and_value_are_absent_for_advisors(
    client_of: Any, wang: Customer, secret: str
) -> None:
    assert secret not in page(client_of("advisor"), wang)


def test_managers_have_probabilities_one_click_away(client_of: Any, wang: Customer) -> None:
    html = page(client_of("store_manager"), wang)
    for figure in ("75.3%", "86.4%", "1.37", "¥123k", "20261121.1"):
        assert figure in html


def test_the_full_number_is_never_in_the_page(client_of: Any, wang: Customer) -> None:
    for person in ("advisor", "store_manager", "analyst", "ceo"):
        assert "13912345678" not in page(client_of(person), wang)


@pytest.mark.parametrize("person", ["analyst", "ceo"])
def test_masked_roles_see_neither_name_nor_plate(
    client_of: Any, wang: Customer, person: str
) -> None:
    html = page(client_of(person), wang)
    assert "王**" in html
    assert "王芳" not in html
    assert "沪A12345" not in html
    assert "Show the number" not in html


@pytest.mark.parametrize("person", ["auditor", "admin"])
@pytest.mark.parametrize("path", ["/customers/", "/customers/{uid}/", "/customers/{uid}/timeline"])
def test_auditors_and_administrators_are_refused(
    client_of: Any, wang: Customer, person: str, path: str
) -> None:
    assert client_of(person).get(path.format(uid=wang.uid)).status_code == 403


def test_another_stores_customer_is_not_found(client_of: Any, wang: Customer) -> None:
    client = client_of("advisor_s2")
    for path in ("", "timeline"):
        assert client.get(f"/customers/{wang.uid}/{path}").status_code == 404
    answer = client.post(f"/customers/{wang.uid}/contact", {"reason": "on_site"})
    assert answer.status_code == 404


def test_another_groups_customer_is_not_found(
    client_of: Any, wang: Customer, other_group: Group
) -> None:
    for person in ("advisor", "ceo"):
        client = client_of(person, of=other_group)
        assert client.get(f"/customers/{wang.uid}/").status_code == 404


def test_nobody_signed_in_is_sent_to_sign_in(wang: Customer) -> None:
    assert Client().get(f"/customers/{wang.uid}/").status_code == 302


def test_an_open_complaint_and_recall_stand_before_the_reasons(
    client_of: Any, group: Group, wang: Customer
) -> None:
    with entered(group.system):
        vehicle = wang.ownerships.get().vehicle
        make_event(wang, "complaint", ago(3), status="open", reason="等待时间长")
        make_event(wang, "complaint", ago(300), status="closed", reason="旧事")
        make_event(wang, "recall_notice", ago(100), vehicle=vehicle, reason="RC024")
    html = page(client_of("advisor"), wang)
    assert html.index("等待时间长") < html.index("RC024") < html.index("Reasons to act")
    assert html.count("旧事") == 1  # in the timeline only


def test_a_recall_noticed_by_another_store_is_shown(
    client_of: Any, group: Group, wang: Customer
) -> None:
    with entered(group.system):
        vehicle = wang.ownerships.get().vehicle
        make_event(wang, "recall_notice", ago(9), vehicle=vehicle, store=group.units["-S3"])
    assert "Open recall" in page(client_of("advisor"), wang)


def test_whoever_sold_the_car_is_not_told_of_its_recall_or_asked_whether_he_drives_it(
    client_of: Any, group: Group, wang: Customer
) -> None:
    with entered(group.system):
        held = wang.ownerships.get()
        for store in ("-S1", "-S3"):
            at = group.units[store]
            make_event(wang, "recall_notice", ago(9), vehicle=held.vehicle, store=at)
        wang.ownerships.update(owned_to=ago(5))
        wang.visits.update(day=ago(800))
    html = page(client_of("advisor"), wang)
    assert "Open recall" not in html
    assert "Away over 24 months" not in html


@pytest.mark.parametrize(("given", "shown"), [(True, True), (False, False), (None, False)])
def test_visits_elsewhere_are_counted_only_with_consent(
    client_of: Any, group: Group, wang: Customer, given: bool | None, shown: bool
) -> None:
    with entered(group.system):
        sibling = group.units["-S2"]
        visit = make_visit(group, wang, ago(33), ro_no="ELSEWHERE-1")
        line = make_line(visit, "外店作业")
        for row in (visit, line):
            row.store = sibling
            row.save()
        wang.stores = [*wang.stores, sibling.pk]
        wang.save()
        if given is not None:
            consent = make_consent(wang, "sharing", given)
            consent.store = sibling
            consent.save()
    html = page(client_of("advisor"), wang)
    assert ("1 visit at another store" in html) is shown
    assert "外店作业" not in html
    assert "ELSEWHERE-1" not in html


def test_revealing_needs_a_reason_and_is_recorded(
    client_of: Any, group: Group, wang: Customer
) -> None:
    client = client_of("advisor")
    path = f"/customers/{wang.uid}/contact"
    assert client.post(path).status_code == 400
    answer = client.post(path, {"reason": "on_site"}, headers={"HX-Request": "true"})
    assert "13912345678" in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    with entered(group.system):
        event = AuditEvent.objects.get(action="contact.revealed")
    assert event.actor == "advisor@xq"
    assert event.subject == f"customer:{wang.uid}"
    assert event.detail == {"kind": "mobile", "reason": "on_site"}


@pytest.mark.parametrize("person", ["analyst", "ceo", "auditor"])
def test_who_may_not_reveal_reveals_nothing_and_leaves_no_trace(
    client_of: Any, group: Group, wang: Customer, person: str
) -> None:
    answer = client_of(person).post(f"/customers/{wang.uid}/contact", {"reason": "on_site"})
    assert answer.status_code == 403
    assert "13912345678" not in answer.content.decode()
    with entered(group.system):
        assert not AuditEvent.objects.filter(action="contact.revealed").exists()


def test_tags_show_their_rule_and_hide_forecasts_from_advisors(
    client_of: Any, group: Group, wang: Customer
) -> None:
    with entered(group.system):
        make_tag(wang, "high_value", ltv_fen=987_654_00, threshold_fen=555_555_00)
        make_tag(wang, "overdue", due_on="2026-01-02")
    advisor, manager = page(client_of("advisor"), wang), page(client_of("store_manager"), wang)
    assert "Lifetime value in the top tenth of the group" in advisor
    assert "2 Jan 2026" in advisor
    assert "¥988k" not in advisor
    assert "¥988k" in manager


def test_scores_that_are_missing_or_old_are_named(client_of: Any, group: Group) -> None:
    with entered(group.system):
        customer = make_customer(group)
    client = client_of("advisor")
    assert "No scores have been published" in page(client, customer)
    with entered(group.system):
        score_set = make_score_set(group, ago(8))
    assert "not in the scores of" in page(client, customer)
    with entered(group.system):
        make_score(score_set, customer)
    assert "These figures are of" in page(client, customer)


def test_a_customer_without_anything_still_has_a_page(client_of: Any, group: Group) -> None:
    with entered(group.system):
        customer = make_customer(group, name="")
    html = page(client_of("advisor"), customer)
    assert "No vehicle is known" in html
    assert "Nothing is due" in html


def test_spend_is_by_payer_and_net_of_credits(client_of: Any, group: Group, wang: Customer) -> None:
    with entered(group.system):
        make_visit(group, wang, ago(5), 700_00, pay_insurance_fen=5_000_00)
        make_visit(group, wang, ago(4), -200_00, status="credit")
    html = page(client_of("advisor"), wang)
    # 1,000 of the visit 200 days ago + 700 − 200.
    assert 'title="¥1,500.00"' in html
    assert 'title="¥5,000.00"' in html


def test_declined_work_done_since_is_no_longer_offered(
    client_of: Any, group: Group, wang: Customer
) -> None:
    with entered(group.system):
        before, after = make_visit(group, wang, ago(50)), make_visit(group, wang, ago(20))
        make_line(before, "更换前刹车片", op_code="B1", declined=True)
        make_line(before, "更换雨刮", op_code="W1", declined=True)
        make_line(after, "更换雨刮", op_code="W1")
    html = page(client_of("advisor"), wang)
    assert "Declined and still open:" in html
    open_work = html[html.index("Declined and still open:") :]
    open_work = open_work[: open_work.index("</p>")]
    assert "更换前刹车片" in open_work
    assert "更换雨刮" not in open_work


def test_prepaid_balances_and_their_end_are_shown(
    client_of: Any, group: Group, wang: Customer
) -> None:
    with entered(group.system):
        Contract.objects.create(
            tenant=group.tenant,
            store=wang.home_store,
            contract_no="P1",
            source=wang.sources.get(),
            customer=wang,
            type="package",
            ends_on=today() + timedelta(days=20),
            balance_fen=880_00,
        )
    html = page(client_of("advisor"), wang)
    assert "Prepaid balance expiring" in html
    assert "¥880" in html


def test_of_a_fleet_three_vehicles_are_cards_and_the_others_lines(
    client_of: Any, group: Group
) -> None:
    with entered(group.system):
        fleet = make_customer(group, name="车队", kind="fleet")
        for number in range(5):
            make_vehicle(group, fleet, f"LATPAB071W100530{number}", plate=f"沪B0000{number}")
    shown = client_of("advisor").get(f"/customers/{fleet.uid}/")
    assert (len(shown.context["cars"]), len(shown.context["further_cars"])) == (3, 2)
    html = shown.content.decode()
    assert "其余 2 辆" in html
    assert all(f"沪B0000{number}" in html for number in range(5))


@pytest.mark.parametrize(
    ("brand", "series", "said"),
    [("东岚", "东岚锐行", "东岚锐行"), ("东岚", "锐行", "东岚 锐行"), ("", "锐行", "锐行")],
)
def test_a_series_named_with_its_brand_names_it_once(brand: str, series: str, said: str) -> None:
    assert car_title(Vehicle(brand=brand, series=series)) == said


def test_the_timeline_is_filtered_by_vehicle_and_paged_to_the_end(
    client_of: Any, group: Group, wang: Customer
) -> None:
    with entered(group.system):
        for number in range(30):
            make_survey(wang, ago(600 + number // 3), 9, comment=f"答复{number:02d}")
        vehicle = wang.ownerships.get().vehicle
    client = client_of("advisor")
    html = page(client, wang)
    seen: list[int] = []
    path = f"/customers/{wang.uid}/timeline"
    for _ in range(10):
        seen += [n for n in range(30) if f"答复{n:02d}" in html]
        if "?after=" not in html:
            break
        query = html.split("?after=")[1].split('"')[0]
        answer = client.get(f"{path}?after={query}", headers={"HX-Request": "true"})
        html = answer.content.decode()
    assert sorted(seen) == list(range(30))
    filtered = page(client, wang, f"?vehicle={vehicle.pk}")
    assert "答复" not in filtered
    assert "小保养" in filtered


def test_the_page_is_chinese_by_default(client_of: Any, wang: Customer) -> None:
    html = client_of("advisor").get(f"/customers/{wang.uid}/").content.decode()
    for text in ("行动理由", "登记结果", "时间线", "流失风险", "定保"):
        assert text in html


def relatives(client: Client, customer: Customer) -> list[str]:
    response = client.get(f"/customers/{customer.uid}/")
    return [name for _other, name in response.context["related"]]


def held(group: Group, customer: Customer, vin: str, start: date, end: date | None) -> None:
    vehicle = Vehicle.objects.get(vin=vin)
    source = customer.sources.get()
    Ownership.objects.create(
        tenant=group.tenant,
        store=source.store,
        vehicle=vehicle,
        customer=customer,
        source=source,
        owned_from=start,
        owned_to=end,
    )


def test_who_owns_a_car_together_is_a_household(
    client_of: Any, group: Group, wang: Customer
) -> None:
    with entered(group.system):
        held(group, make_customer(group, name="丈夫"), VIN, ago(100), None)
    assert relatives(client_of("advisor"), wang) == ["丈夫"]


def test_who_had_the_car_before_or_after_is_not(
    client_of: Any, group: Group, wang: Customer
) -> None:
    with entered(group.system):
        held(group, make_customer(group, name="前任"), VIN, ago(2000), ago(1095))
        Ownership.objects.filter(customer=wang).update(owned_to=ago(30))
        held(group, make_customer(group, name="后任"), VIN, ago(30), None)
    assert relatives(client_of("advisor"), wang) == []


def test_who_shares_a_number_is_a_household(client_of: Any, group: Group, wang: Customer) -> None:
    with entered(group.system):
        make_contact(make_customer(group, name="女儿"), "13912345678")
        make_contact(make_customer(group, name="路人"), "13700000000")
    assert relatives(client_of("advisor"), wang) == ["女儿"]


def test_people_are_called_by_name_not_by_user_name(
    client_of: Any, group: Group, wang: Customer
) -> None:
    with entered(group.system):
        Staff.objects.filter(username="advisor").update(name="张师傅")
        make_event(wang, "call", ago(3), staff_name="advisor")
        make_event(wang, "call", ago(4), staff_name="外部座席")
        make_visit(group, wang, ago(2), advisor=group.staff["advisor"], advisor_name="advisor")
    response = client_of("store_manager").get(f"/customers/{wang.uid}/timeline")
    html = response.content.decode()
    assert html.count("张师傅") == 2
    assert "外部座席" in html
    assert "advisor<" not in html
    assert "· advisor" not in html


def test_a_tag_says_what_it_rests_on(client_of: Any, group: Group, wang: Customer) -> None:
    with entered(group.system):
        make_tag(wang, "detractor", last_nps_score=3, last_nps_on="2026-05-06")
        make_tag(wang, "at_risk", churn_12m=0.634, threshold=0.6)
    manager = page(client_of("store_manager"), wang)
    with override("en"):
        answered = f"answered {formats.date(date(2026, 5, 6))}"
    for words in ("score 3", answered, "Churn in 12 months 63.4%", "at least 60%"):
        assert words in manager
    advisor = page(client_of("advisor"), wang)
    assert "score 3" in advisor
    assert "63.4%" not in advisor
