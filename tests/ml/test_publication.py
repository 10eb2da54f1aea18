"""A score set becomes current in one transaction, with its tags, or not at all."""

from datetime import date
from typing import Any

import pandas as pd
import pytest
from django.db import DatabaseError, connection

from customers.models import Customer, CustomerTag
from ml import publication, runs
from ml.asof import DateRefused
from ml.models import ModelVersion, Score, ScoreSet, TrainingRun
from ml.publication import current_score_set, publish, score_set_of
from ml.runs import Lease, LeaseLost
from ml.score_copy import copy_scores
from ml.verdict import Gate
from organization.access import Access, entered
from organization.models import AuditEvent
from tests.factories import Group, make_customer

JANUARY, FEBRUARY = date(2025, 1, 1), date(2025, 2, 1)
OPEN = Gate(({"check": "all scores are numbers", "passed": True, "message": ""},))
SHUT = Gate(({"check": "all scores are numbers", "passed": False, "message": "some are not"},))
Tags = dict[str, dict[str, Any]]


@pytest.fixture
def wang(group: Group) -> Customer:
    with entered(group.system):
        return make_customer(group, name="王芳")


def drafted(
    group: Group, customer: Customer, as_of: date = JANUARY, **tags: dict[str, Any]
) -> tuple[Lease, ScoreSet]:
    """A run that has written one customer's score aside and is about to publish."""
    access = group.system
    lease = runs.claim(access, runs.request_run(access, as_of, {}).pk)
    ids = publication.write_models(
        lease,
        [
            {
                "kind": "lifetime_value",
                "name": "XQ-LUX/person",
                "version": f"{as_of:%Y%m%d}",
                "as_of": as_of,
                "data_hash": "d" * 64,
                "converged": True,
            }
        ],
    )
    score_set = publication.create_score_set(
        lease, as_of=as_of, horizon_months=60, customers=1, data_hash="d" * 64, model_version="1"
    )
    fit = ids["lifetime_value", "XQ-LUX/person"]
    row = one_score(customer, fit).assign(tags=[list(tags)], evidence=[tags])
    with entered(access):
        copy_scores(access, score_set.pk, row)
    return lease, score_set


def one_score(customer: Customer, fit: int) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "customer_id": customer.pk,
                "store_id": customer.home_store_id,
                "fit_id": fit,
                "segment": "person",
                "born_on": pd.Timestamp("2022-01-01"),
                "last_visit_on": pd.NaT,
                "frequency": 0,
                "recency_days": 0,
                "age_days": 1096,
                "mean_spend_fen": 0,
                "p_alive": 0.1 + 0.2,
                "churn_12m": 0.7,
                "in_churn_population": True,
                "expected_visits_12m": 0.5,
                "expected_revenue_12m_fen": 50_000,
                "expected_margin_12m_fen": 20_000,
                "ltv_fen": 80_000,
                "visits_at_nodes": [0.1 * node for node in range(8)],
                "alive_at_nodes": [1.0] * 8,
                "cap_month": 60,
                "anchor_first": 1.0,
                "anchor_later": 1.0,
                "revenue_per_visit": 1000.0,
                "margin_per_visit": 400.0,
                "accident_revenue": 0.0,
                "accident_margin": 0.0,
                "due_on": pd.Timestamp("2025-01-10"),
                "overdue": False,
                "grade": "A",
                "risk": "high",
                "reasons": [{"code": "silent", "evidence": {"words": '引号 " 和 ,'}}],
            }
        ]
    )


def tags_now(group: Group) -> Tags:
    with entered(group.system):
        return {tag.code: tag.evidence for tag in CustomerTag.objects.all()}


def status_of(group: Group, row: ScoreSet | TrainingRun) -> str:
    with entered(group.system):
        return str(type(row).objects.get(pk=row.pk).status)


def test_what_is_written_aside_is_read_back_exactly_but_shown_to_nobody(
    group: Group, wang: Customer
) -> None:
    _lease, score_set = drafted(group, wang, at_risk={}, due_soon={})
    with entered(group.system):
        score = Score.objects.get(score_set=score_set)
        assert score.p_alive == 0.1 + 0.2  # to the last bit
        assert score.visits_at_nodes == [0.1 * node for node in range(8)]
        assert score.last_visit_on is None
        assert score.due_on == date(2025, 1, 10)
        assert score.reasons[0]["evidence"]["words"] == '引号 " 和 ,'
        assert score.tags == ["at_risk", "due_soon"]
        assert current_score_set(group.system) is None
    assert tags_now(group) == {}


def test_published_it_is_current_with_its_tags_and_their_evidence(
    group: Group, wang: Customer
) -> None:
    evidence: Tags = {
        "at_risk": {"churn_12m": 0.7, "threshold": 0.6},
        "due_soon": {"due_on": "2025-01-10"},
    }
    lease, score_set = drafted(group, wang, **evidence)
    assert publish(lease, score_set, OPEN)
    with entered(group.system):
        assert current_score_set(group.system) == score_set
        tag = CustomerTag.objects.first()
        assert (tag.store_id, tag.as_of) == (wang.home_store_id, JANUARY)
        assert AuditEvent.objects.filter(action="scores.published").count() == 1
    assert tags_now(group) == evidence
    assert status_of(group, lease.run) == "published"


def test_held_back_it_changes_nothing_and_says_why(group: Group, wang: Customer) -> None:
    lease, first = drafted(group, wang, new={})
    publish(lease, first, OPEN)
    lease, second = drafted(group, wang, FEBRUARY, lost={})
    assert not publish(lease, second, SHUT)
    with entered(group.system):
        assert current_score_set(group.system) == first
        run = TrainingRun.objects.get(pk=lease.run.pk)
        assert (run.status, run.message) == ("held", "some are not")
        assert ScoreSet.objects.get(pk=second.pk).gate["passed"] is False
    assert set(tags_now(group)) == {"new"}


def test_a_publication_that_fails_midway_leaves_the_former_set_current(
    group: Group, wang: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease, first = drafted(group, wang, new={"born_on": "2025-01-01"})
    publish(lease, first, OPEN)
    lease, second = drafted(group, wang, FEBRUARY, lost={})
    broken = publication.REPLACE_TAGS.replace("tag.code,", "repeat(tag.code, 99),", 1)
    monkeypatch.setattr(publication, "REPLACE_TAGS", broken)  # longer than the column
    with pytest.raises(DatabaseError, match="too long"):
        publish(lease, second, OPEN)
    with entered(group.system):
        assert current_score_set(group.system) == first
        assert not AuditEvent.objects.filter(subject=f"score_set:{second.pk}").exists()
    assert status_of(group, second) == "draft"
    assert status_of(group, lease.run) == "running"
    assert tags_now(group) == {"new": {"born_on": "2025-01-01"}}


def test_who_lost_the_lease_publishes_nothing(group: Group, wang: Customer) -> None:
    lease, score_set = drafted(group, wang, new={})
    with entered(group.system):
        TrainingRun.objects.filter(pk=lease.run.pk).update(token=lease.run.token + 1)
    with pytest.raises(LeaseLost):
        publish(lease, score_set, OPEN)
    assert status_of(group, score_set) == "draft"
    assert tags_now(group) == {}


def test_a_set_of_an_earlier_date_is_kept_beside_the_current_one(
    group: Group, wang: Customer
) -> None:
    lease, later = drafted(group, wang, FEBRUARY, new={})
    publish(lease, later, OPEN)
    lease, earlier = drafted(group, wang, JANUARY, lost={})
    assert publish(lease, earlier, OPEN)
    with entered(group.system):
        assert current_score_set(group.system) == later
    assert score_set_of(group.system, JANUARY) == earlier
    assert set(tags_now(group)) == {"new"}


def test_a_date_without_scores_names_the_command_that_makes_them(group: Group) -> None:
    with pytest.raises(DateRefused, match=r"retrain --as-of 2025-01-01"):
        score_set_of(group.system, JANUARY)


def test_one_group_s_publication_leaves_the_other_s_tags(
    group: Group, other_group: Group, wang: Customer
) -> None:
    with entered(other_group.system):
        stranger = make_customer(other_group)
    lease, score_set = drafted(other_group, stranger, fleet={})
    publish(lease, score_set, OPEN)
    lease, score_set = drafted(group, wang, new={})
    publish(lease, score_set, OPEN)
    assert set(tags_now(group)) == {"new"}
    assert set(tags_now(other_group)) == {"fleet"}
    with entered(other_group.system):
        assert current_score_set(other_group.system) is not None


def test_a_published_set_cannot_be_dropped_nor_another_group_s(
    group: Group, other_group: Group, wang: Customer
) -> None:
    lease, score_set = drafted(group, wang)

    def drop(access: Access) -> None:
        with entered(access), connection.cursor() as cursor:
            cursor.execute("select ml_drop_score_partition(%s)", [score_set.pk])

    with pytest.raises(DatabaseError, match="no unpublished score set"):
        drop(other_group.system)
    publish(lease, score_set, OPEN)
    with pytest.raises(DatabaseError, match="no unpublished score set"):
        drop(group.system)
    with entered(group.system):
        assert Score.objects.count() == 1


def test_a_group_s_list_by_value_walks_an_index(group: Group, wang: Customer) -> None:
    _lease, score_set = drafted(group, wang)
    with entered(group.system), connection.cursor() as cursor:
        cursor.execute("set local enable_sort = off")
        cursor.execute("set local enable_seqscan = off")
        cursor.execute(
            "explain select customer_id from ml_score where tenant_id = %s and score_set_id = %s"
            " order by ltv_fen desc limit 50",
            [group.tenant.pk, score_set.pk],
        )
        plan = "\n".join(row for (row,) in cursor.fetchall())
    assert "Index Scan" in plan
    assert "Sort" not in plan


def test_models_of_a_run_are_kept_with_it(group: Group, wang: Customer) -> None:
    lease, _score_set = drafted(group, wang)
    with entered(group.system):
        assert [m.name for m in ModelVersion.objects.filter(run=lease.run)] == ["XQ-LUX/person"]
