"""The pages: who sees which stores, in both languages, at a constant number of queries."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import ImportRun, QualityReport
from customers.quality import pages as quality_pages
from customers.quality import report as quality
from customers.quality import tasks as quality_tasks
from organization.access import entered
from organization.models import Unit
from tests.factories import Group, make_customer, make_visit
from tests.quality.world import AS_OF, YESTERDAY, book, two_stores

pytestmark = [pytest.mark.usefixtures("pages"), pytest.mark.django_db]
# Session, account, tenant, staff, assignments, units and the handing over of the access: 14.
MOST_QUERIES = 20
PAGE, RENEW = "/data/quality/", "/data/quality-report"
ALL = {"-S1", "-S2", "-S3", "-S4"}


def text_of(client: Any, address: str = PAGE, language: str = "en") -> str:
    client.cookies["django_language"] = language
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.mark.parametrize(
    ("username", "stores"),
    [
        ("ceo", ALL),
        ("analyst", ALL),
        ("steward", ALL),
        ("auditor", ALL),
        ("division_lux", {"-S1", "-S2", "-S3"}),
        ("region_east", {"-S1", "-S2"}),
        ("store_manager", {"-S1"}),
    ],
)
def test_everybody_sees_their_own_stores(
    group: Group, report: QualityReport, client_of: Any, username: str, stores: set[str]
) -> None:
    text = text_of(client_of(username))
    shown = {suffix for suffix in ALL if f"store XQ{suffix}</a>" in text}
    assert shown == stores


@pytest.mark.parametrize("username", ["advisor", "admin"])
@pytest.mark.parametrize("address", [PAGE, "/data/quality/XQ-S1/"])
def test_advisors_and_administrators_are_refused(
    report: QualityReport, client_of: Any, username: str, address: str
) -> None:
    assert client_of(username).get(address).status_code == 403


@pytest.mark.parametrize("address", [PAGE, "/data/quality/XQ-S1/", RENEW])
def test_strangers_are_sent_to_sign_in(report: QualityReport, client: Any, address: str) -> None:
    assert client.get(address).headers["Location"].startswith("/signin")


@pytest.mark.parametrize(
    ("username", "code", "status"),
    [
        ("store_manager", "XQ-S1", 200),
        ("store_manager", "XQ-S2", 404),
        ("region_east", "XQ-S2", 200),
        ("region_east", "XQ-S3", 404),
        ("steward", "XQ-S3", 200),
        ("steward", "XQ-E", 404),  # a region is no store
        ("steward", "YH-S1", 404),  # of another group
        ("steward", "nothing", 404),
    ],
)
def test_a_store_out_of_sight_does_not_exist(
    report: QualityReport, other_group: Group, client_of: Any, username: str, code: str, status: int
) -> None:
    assert client_of(username).get(f"/data/quality/{code}/").status_code == status


def test_a_region_sees_its_own_score_and_gaps(
    group: Group, report: QualityReport, client_of: Any
) -> None:
    region, store = text_of(client_of("region_east")), text_of(client_of("store_manager"))
    assert "1 month too far apart" in region
    assert "too far apart" not in store
    own = report.report["stores"][str(group.units["-S1"].pk)]["score"]
    assert f"{own:.1f}<small>/ 100" in store


def test_chinese_and_english_have_no_word_of_the_other(
    report: QualityReport, client_of: Any
) -> None:
    client = client_of("steward")
    chinese, english = text_of(client, language="zh-hans"), text_of(client)
    for words in ("数据可信度", "与账面核对", "从未提供", "重新评估", "1 个月差异过大"):
        assert words in chinese
    for words in ("Data confidence", "Against the books", "Never supplied", "Assess again"):
        assert words in english
        assert words not in chinese


def test_kinds_never_supplied_are_named(report: QualityReport, client_of: Any) -> None:
    text = text_of(client_of("ceo"))
    assert "Never supplied: Repair-order lines, NPS surveys, Contracts, Events, " in text
    assert "Never filled: " in text


def test_a_silent_store_is_not_known_since_and_never_called_lost(
    report: QualityReport, client_of: Any
) -> None:
    text = text_of(client_of("steward"), "/data/quality/XQ-S2/")
    assert "What happened here is not known since 11 Jun 2026" in text
    assert "Not known since 11 Jun 2026" in text
    assert "not counted as lost" in text
    chinese = text_of(client_of("steward"), "/data/quality/XQ-S2/", "zh-hans")
    assert "自 2026-06-11 起情况不明" in chinese


def test_a_store_that_never_delivered_says_so(report: QualityReport, client_of: Any) -> None:
    text = text_of(client_of("steward"), "/data/quality/XQ-S3/")
    assert "has never delivered visits" in text
    assert "Other stores supply it" in text
    assert "The group never supplied it" in text


def test_the_page_of_a_store_charts_orders_beside_books(
    report: QualityReport, client_of: Any
) -> None:
    text = text_of(client_of("steward"), "/data/quality/XQ-S1/")
    assert "After-sales revenue: repair orders and books" in text
    assert "Margin factor 75.0%" in text


def test_before_the_first_report_the_page_says_what_to_do(group: Group, client_of: Any) -> None:
    assert "Assess again" not in text_of(client_of("steward"))
    with entered(group.system):
        two_stores(group)
    assert "Assess again" in text_of(client_of("steward"))
    text = text_of(client_of("ceo"))
    assert "No report yet" in text
    assert "Assess again" not in text
    answer = client_of("ceo").get("/data/quality/XQ-S1/")
    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)


def test_a_store_opened_after_the_report_has_no_figures_yet(
    group: Group, report: QualityReport, client_of: Any
) -> None:
    with entered(group.system):
        east = group.units["-E"]
        new = Unit(
            tenant=group.tenant, code="XQ-NEW", name="new", level="store", parent=east, path=[]
        )
        new.save()
        new.path = [*east.path, new.pk]
        new.save()
    assert "Not in the report" in text_of(client_of("region_east"), "/data/quality/XQ-NEW/")


def test_an_import_after_the_report_makes_it_stale(
    group: Group, report: QualityReport, client_of: Any
) -> None:
    client, words = client_of("ceo"), "Data were loaded after this report was made."
    assert words not in text_of(client)
    with entered(group.system):
        ImportRun.objects.create(
            tenant=group.tenant,
            name="delivery",
            started_by="test",
            status="done",
            finished_at=timezone.now() + timedelta(seconds=1),
        )
    assert words in text_of(client)
    assert words in text_of(client, "/data/quality/XQ-S1/")


def test_former_reports_show_as_change_and_trend(
    group: Group, report: QualityReport, client_of: Any
) -> None:
    client = client_of("region_east")
    assert "Data confidence by as-of date" not in text_of(client)
    with entered(group.system) as system:
        quality.assess(system, date(2026, 7, 1))
    text = text_of(client)
    assert "Data confidence by as-of date" in text
    assert "since 1 Jul 2026" in text


def test_a_steward_renews_the_report(group: Group, client_of: Any) -> None:
    with entered(group.system):
        two_stores(group)
    client = client_of("steward")
    answer = client.post(RENEW)
    assert answer.headers["Location"] == PAGE
    with entered(group.system):
        assert QualityReport.objects.get().as_of == AS_OF
    assert "The data were assessed anew." in text_of(client)


@pytest.mark.parametrize("username", ["ceo", "store_manager", "auditor", "advisor"])
def test_nobody_else_renews_it(group: Group, client_of: Any, username: str) -> None:
    with entered(group.system):
        two_stores(group)
    assert client_of(username).post(RENEW).status_code == 403
    with entered(group.system):
        assert not QualityReport.objects.exists()


def test_renewing_takes_a_post(group: Group, report: QualityReport, client_of: Any) -> None:
    assert client_of("steward").get(RENEW).status_code == 405


def test_a_group_without_visits_is_told_what_to_load(group: Group, client_of: Any) -> None:
    client = client_of("steward")
    client.post(RENEW)
    assert "import_data" in text_of(client)


def test_a_long_assessment_goes_to_a_worker(
    group: Group,
    report: QualityReport,
    client_of: Any,
    settings: Any,
    monkeypatch: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(quality_pages, "SYNCHRONOUS_SECONDS", 0.0)
    asked: list[tuple[int, str]] = []
    monkeypatch.setattr(quality_tasks.assess, "delay", lambda *values: asked.append(values))
    client = client_of("steward")
    settings.REDIS_URL = ""
    client.post(RENEW)
    assert "No worker is connected" in text_of(client)
    assert asked == []
    settings.REDIS_URL = "redis://localhost"
    with django_capture_on_commit_callbacks(execute=True):
        client.post(RENEW)
    assert asked == [(group.tenant.pk, "steward@xq")]
    with entered(group.system):
        assert QualityReport.objects.count() == 1


def test_the_task_assesses_as_of_the_day_after_the_latest_visit(group: Group) -> None:
    with entered(group.system):
        two_stores(group)
    quality_tasks.assess(group.tenant.pk, "steward")
    with entered(group.system):
        assert QualityReport.objects.get().as_of == AS_OF


@pytest.mark.parametrize("address", [PAGE, "/data/quality/XQ-S1/"])
@pytest.mark.parametrize("username", ["steward", "region_east"])
def test_queries_do_not_grow_with_stores_and_reports(
    group: Group, report: QualityReport, client_of: Any, address: str, username: str
) -> None:
    client = client_of(username)
    text_of(client, address)  # session and prepared things of the first request
    with CaptureQueriesContext(
        connection,
    ) as before:
        text_of(client, address)
    with entered(group.system) as system:
        for suffix in ("-S1", "-S3", "-S4"):
            make_visit(group, make_customer(group, suffix), YESTERDAY)
            book(group, suffix, date(2026, 9, 1), 5)
        for day in (date(2026, 8, 1), date(2026, 9, 1), AS_OF):
            quality.assess(system, day)
    with CaptureQueriesContext(connection) as after:
        text_of(client, address)
    assert len(after) == len(before) <= MOST_QUERIES


def test_of_many_stores_the_most_remarkable_are_listed(
    report: QualityReport, client_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S2 stopped delivering in June and lies 6% above its books."""
    monkeypatch.setattr("customers.quality.tables.STORES_LISTED", 1)
    text = text_of(client_of("ceo"))
    assert {suffix for suffix in ALL if f"store XQ{suffix}</a>" in text} < ALL
    assert "store XQ-S2</a>" in text
    assert "List all 4 stores" in text
    every = text_of(client_of("ceo"), f"{PAGE}?all")
    assert {suffix for suffix in ALL if f"store XQ{suffix}</a>" in every} == ALL
