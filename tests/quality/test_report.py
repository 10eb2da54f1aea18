"""The stored report: what is read back, for whom, and when it is made again."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import ProgrammingError, transaction
from django.utils import timezone

from customers.models import ImportRun, QualityReport
from customers.quality import report as quality
from organization.access import Access, entered
from organization.models import AuditEvent
from tests.factories import Group, make_customer, make_visit
from tests.quality.world import AS_OF, YESTERDAY, book, two_stores


def of_store(group: Group, *suffixes: str) -> Access:
    units = frozenset(group.units[suffix].pk for suffix in suffixes)
    return Access(tenant_id=group.tenant.pk, label="test", units=units)


def imported(group: Group, **values: Any) -> None:
    ImportRun.objects.create(
        tenant=group.tenant,
        name="delivery",
        started_by="test",
        **{"status": "done", "finished_at": timezone.now() + timedelta(seconds=1)} | values,
    )


def test_what_is_read_back_is_what_was_measured(group: Group, report: QualityReport) -> None:
    with entered(group.system) as system:
        measured = quality.measure(system, AS_OF)
        stored = quality.visible_part(system, report)
    assert stored.confidence == measured.confidence
    assert stored.scores == measured.scores
    assert (
        stored.latest == measured.latest == {"visits": YESTERDAY, "financials": date(2026, 6, 30)}
    )
    assert report.score == measured.confidence.score
    assert set(stored.never) == {
        *("visit_lines", "surveys", "contracts", "events", "marketing", "policies", "targets")
    }


def test_a_part_is_scored_by_its_own_rows(group: Group, report: QualityReport) -> None:
    with entered(of_store(group, "-S1")) as access:
        first = quality.visible_part(access, report)
    with entered(of_store(group, "-S1", "-S2")) as access:
        both = quality.visible_part(access, report)
    s1, s2 = group.units["-S1"].pk, group.units["-S2"].pk
    assert first.stores == (s1,)
    assert first.confidence.score == report.report["stores"][str(s1)]["score"]
    assert both.stores == (s1, s2)
    assert both.fields["records"].sum() > first.fields["records"].sum()
    # S1 meets its books (June, 1,000 of 1,000), S2 stands 6% above them: half its points.
    assert first.confidence.parts["reconciliation"] > both.confidence.parts["reconciliation"]


def test_reconciliation_of_the_group_by_hand(group: Group, report: QualityReport) -> None:
    with entered(group.system) as system:
        found = quality.visible_part(system, report)
    # S1: 1,000 yuan at full, S2: 1,060 at half.
    assert found.confidence.parts["reconciliation"] == pytest.approx((1000 + 530) / 2060)
    (gap,) = found.gaps_beyond.to_dict("records")
    assert gap["store"] == group.units["-S2"].pk
    assert gap["gap"] == pytest.approx(0.06)


def test_gaps_come_widest_first_whatever_their_sign(group: Group, system: Access) -> None:
    wang = make_customer(group)
    for month, orders in ((5, 105), (6, 92), (7, 101)):
        make_visit(group, wang, date(2026, month, 2), orders)
        book(group, "-S1", date(2026, month, 1), 100)
    gaps = quality.measure(system, AS_OF).gaps_beyond
    assert gaps["gap"].round(2).tolist() == [-0.08, 0.05]


def test_stores_opened_later_are_left_out(group: Group, system: Access) -> None:
    two_stores(group)
    unit = group.units["-S4"]
    unit.opened_on = AS_OF
    unit.save()
    assert unit.pk not in quality.measure(system, AS_OF).stores


def test_before_the_first_store_there_is_nothing_to_assess(group: Group, system: Access) -> None:
    for suffix in ("-S1", "-S2", "-S3", "-S4"):
        group.units[suffix].opened_on = date(2020, 1, 1)
        group.units[suffix].save()
    with pytest.raises(quality.NothingToAssess, match="2019-01-01"):
        quality.assess(system, date(2019, 1, 1))
    assert not QualityReport.objects.exists()


def test_without_visits_there_is_no_latest_day(group: Group, system: Access) -> None:
    with pytest.raises(quality.NothingToAssess, match="import_data"):
        quality.assess_latest(system)


def test_confidence_is_that_of_the_stored_report(group: Group, report: QualityReport) -> None:
    with entered(group.system) as system:
        assert quality.confidence(system, AS_OF).score == report.score
        assert QualityReport.objects.count() == 1


@pytest.mark.parametrize(
    ("run", "reports"),
    [({}, 2), ({"dry_run": True}, 1), ({"status": "failed"}, 1)],
    ids=["loaded", "rehearsed", "failed"],
)
def test_confidence_is_assessed_anew_after_an_import(
    group: Group, report: QualityReport, run: dict[str, Any], reports: int
) -> None:
    with entered(group.system) as system:
        imported(group, **run)
        quality.confidence(system, AS_OF)
        assert QualityReport.objects.count() == reports


def test_confidence_of_another_day_has_a_report_of_its_own(
    group: Group, report: QualityReport
) -> None:
    with entered(group.system) as system:
        july = quality.confidence(system, date(2026, 7, 1))
        assert QualityReport.objects.count() == 2
    # On 1 July the orders of S2 are three weeks old, not half a year.
    with entered(of_store(group, "-S2")) as access:
        november = quality.confidence(access, AS_OF)
    assert july.parts["timeliness"] > november.parts["timeliness"]


def test_a_confined_access_gets_its_own_part_and_keeps_its_confines(group: Group) -> None:
    with entered(group.system):
        two_stores(group)
    with entered(of_store(group, "-S2")) as access:
        found = quality.confidence(access, AS_OF)
        seen = set(make_visible(access))
    assert found.parts["reconciliation"] == pytest.approx(0.5)
    assert seen == {group.units["-S2"].pk}


def make_visible(access: Access) -> list[int]:
    from customers.models import Visit

    return list(Visit.objects.values_list("store_id", flat=True))


def test_the_trend_has_one_point_a_date_the_newest_report_of_it(
    group: Group, report: QualityReport
) -> None:
    with entered(group.system) as system:
        make_visit(group, make_customer(group, "-S3"), YESTERDAY)
        again = quality.assess(system, AS_OF)
        july = quality.assess(system, date(2026, 7, 1))
        assert quality.trend(system, 12) == [
            (july.as_of, july.score),
            (again.as_of, again.score),
        ]
        assert quality.trend(system, 1) == [(again.as_of, again.score)]
        assert quality.latest_report(system) == again
    with entered(of_store(group, "-S1")) as access:
        key = str(group.units["-S1"].pk)
        assert [score for _day, score in quality.trend(access, 12)] == [
            july.report["stores"][key]["score"],
            again.report["stores"][key]["score"],
        ]


def test_an_assessment_is_in_the_audit_trail(group: Group, report: QualityReport) -> None:
    with entered(group.system):
        event = AuditEvent.objects.get(action="assess_quality")
        assert event.detail == {"as_of": "2026-11-20"}


def test_another_group_is_neither_counted_nor_shown(
    group: Group, other_group: Group, report: QualityReport
) -> None:
    with entered(other_group.system) as system:
        assert quality.latest_report(system) is None
        two_stores(other_group)
        for _ in range(5):
            make_visit(other_group, make_customer(other_group), YESTERDAY)
    with entered(group.system) as system:
        assert quality.assess(system, AS_OF).score == report.score


@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_report_cannot_be_changed(group: Group, report: QualityReport, change: str) -> None:
    with entered(group.system):
        rows = QualityReport.objects.filter(pk=report.pk)
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            rows.update(score=100) if change == "update" else rows._raw_delete("default")
        assert rows.get().score == report.score


def test_a_report_holds_no_personal_data(group: Group, report: QualityReport) -> None:
    text = str(report.report)
    assert "王芳" not in text
    assert "京A12345" not in text
    assert "LATPAB071W1005301" not in text


def test_the_trend_of_a_region_is_read_without_its_counts(
    group: Group, report: QualityReport, django_assert_num_queries: Any
) -> None:
    with entered(of_store(group, "-E", "-S1", "-S2")) as access:
        own = quality.visible_part(access, report).confidence.score
        with django_assert_num_queries(2):
            assert quality.trend(access, 12) == [(AS_OF, own)]
