"""Pages of runs and versions, the decisions on score sets, and the banner over old scores."""

from typing import Any

import pytest
from django.utils import timezone

from ml import runs
from ml.configuration import DEFAULTS
from ml.models import ScoreSet, ScoringChunk, TrainingRun
from ml.runs import Lease
from organization.access import entered
from organization.models import AuditEvent
from tests.factories import Group
from tests.valuation.score_sets import AS_OF, make_score_set


@pytest.fixture
def lease(group: Group) -> Lease:
    """A run that scores: one of two chunks is done."""
    run = runs.request_run(group.system, AS_OF, DEFAULTS)
    lease = runs.claim(group.system, run.pk)
    lease.report("score", 0.8)
    with entered(group.system):
        for number, status in enumerate(("done", "waiting")):
            ScoringChunk.objects.create(
                tenant=group.tenant, run=run, number=number, customers=500, status=status, sha256=""
            )
    return lease


def page(client: Any, path: str, **headers: str) -> str:
    response = client.get(path, headers={"accept-language": "en", **headers})
    assert response.status_code == 200
    return str(response.content.decode())


class TestRunPage:
    def test_it_says_how_far_the_run_is(self, client_of: Any, lease: Lease) -> None:
        shown = page(client_of("analyst"), f"/models/runs/{lease.run.pk}/")
        assert "80%" in shown
        assert "Scoring customers" in shown
        assert 'hx-trigger="every 2s"' in shown

    def test_htmx_gets_only_what_changes(self, client_of: Any, lease: Lease) -> None:
        part = page(client_of("analyst"), f"/models/runs/{lease.run.pk}/", **{"HX-Request": "true"})
        assert "<html" not in part
        assert "80%" in part

    def test_an_ended_run_is_asked_for_no_more(self, client_of: Any, lease: Lease) -> None:
        lease.end(TrainingRun.Status.FAILED, "no visits")
        shown = page(client_of("analyst"), f"/models/runs/{lease.run.pk}/")
        assert "hx-trigger" not in shown
        assert "no visits" in shown

    def test_a_stage_that_failed_is_not_done(self, client_of: Any, lease: Lease) -> None:
        with pytest.raises(ZeroDivisionError), lease.timed("publish", 0.95):
            raise ZeroDivisionError
        lease.end(TrainingRun.Status.FAILED, "ZeroDivisionError")
        shown = page(client_of("analyst"), f"/models/runs/{lease.run.pk}/")
        assert "Stopped here" in shown

    def test_cancelling_takes_the_capability(
        self, client_of: Any, group: Group, lease: Lease
    ) -> None:
        path = f"/models/runs/{lease.run.pk}/cancel/"
        assert client_of("advisor").post(path).status_code == 403
        assert client_of("analyst").post(path).status_code == 302
        with entered(group.system):
            assert TrainingRun.objects.get(pk=lease.run.pk).status == "cancelled"
            assert AuditEvent.objects.filter(action="training.cancelled").count() == 1


class TestDecisions:
    @pytest.fixture
    def sets(self, group: Group) -> list[ScoreSet]:
        with entered(group.system):
            return [make_score_set(group), make_score_set(group)]

    def test_the_page_names_the_scores_that_come_back(
        self, client_of: Any, group: Group, sets: list[ScoreSet]
    ) -> None:
        shown = page(client_of("analyst"), "/models/")
        assert f"({sets[1].model_version}) are withdrawn" in shown
        assert f"({sets[0].model_version}) are in use again" in shown

    def test_one_click_and_a_reason_bring_the_former_scores_back(
        self, client_of: Any, group: Group, sets: list[ScoreSet]
    ) -> None:
        client = client_of("analyst")
        client.post("/models/roll-back/", {"reason": "wrong file", "score_set": sets[1].pk})
        with entered(group.system):
            withdrawn = ScoreSet.objects.get(pk=sets[1].pk)
        assert withdrawn.withdrawn_reason == "wrong file"
        assert withdrawn.withdrawn_by

    @pytest.mark.parametrize("data", [{}, {"reason": " "}, {"reason": "no"}])
    def test_without_a_reason_nothing_happens(
        self, client_of: Any, group: Group, sets: list[ScoreSet], data: dict[str, str]
    ) -> None:
        client_of("analyst").post("/models/roll-back/", data)
        with entered(group.system):
            assert not ScoreSet.objects.exclude(withdrawn_at=None).exists()

    def test_the_set_that_the_person_saw_is_meant(
        self, client_of: Any, group: Group, sets: list[ScoreSet]
    ) -> None:
        client_of("analyst").post(
            "/models/roll-back/", {"reason": "wrong file", "score_set": sets[0].pk}
        )
        with entered(group.system):
            assert not ScoreSet.objects.exclude(withdrawn_at=None).exists()

    def test_the_only_set_cannot_be_withdrawn(self, client_of: Any, group: Group) -> None:
        with entered(group.system):
            make_score_set(group)
        client_of("analyst").post("/models/roll-back/", {"reason": "wrong file"})
        with entered(group.system):
            assert not ScoreSet.objects.exclude(withdrawn_at=None).exists()


class TestBanner:
    @pytest.fixture
    def score_set(self, group: Group) -> ScoreSet:
        with entered(group.system):
            return make_score_set(group)

    def banner(self, client: Any, path: str) -> bool:
        return 'class="banner warn' in page(client, path)

    def test_fresh_scores_have_none(self, client_of: Any, score_set: ScoreSet) -> None:
        assert not self.banner(client_of("store_manager"), "/customers/")

    @pytest.mark.parametrize("path", ["/customers/", "/", "/follow-ups/"])
    def test_after_a_failed_run_every_page_with_scores_says_so(
        self, client_of: Any, group: Group, score_set: ScoreSet, path: str
    ) -> None:
        run = runs.request_run(group.system, AS_OF, DEFAULTS)
        lease = runs.claim(group.system, run.pk)
        lease.report("churn", 0.3)
        lease.end(TrainingRun.Status.FAILED, "out of memory")
        shown = page(client_of("advisor"), path)
        assert 'class="banner warn' in shown
        assert "out of memory" not in shown  # an advisor is told when and where, not the innards

    def test_the_next_published_set_takes_it_away(
        self, client_of: Any, group: Group, score_set: ScoreSet
    ) -> None:
        run = runs.request_run(group.system, AS_OF, DEFAULTS)
        runs.claim(group.system, run.pk).end(TrainingRun.Status.HELD, "drift")
        with entered(group.system):
            make_score_set(group)
        assert not self.banner(client_of("advisor"), "/customers/")

    def test_a_run_for_an_earlier_date_is_no_news(
        self, client_of: Any, group: Group, score_set: ScoreSet
    ) -> None:
        run = runs.request_run(group.system, AS_OF.replace(year=2020), DEFAULTS)
        runs.claim(group.system, run.pk).end(TrainingRun.Status.FAILED, "too short")
        assert not self.banner(client_of("advisor"), "/customers/")

    def test_days_of_silence_are_said(
        self, client_of: Any, group: Group, score_set: ScoreSet
    ) -> None:
        with entered(group.system):
            ScoreSet.objects.update(published_at=timezone.now() - timezone.timedelta(days=4))
        assert self.banner(client_of("advisor"), "/customers/")

    def test_another_group_s_failure_is_not_ours(
        self, client_of: Any, other_group: Group, score_set: ScoreSet
    ) -> None:
        run = runs.request_run(other_group.system, AS_OF, DEFAULTS)
        runs.claim(other_group.system, run.pk).end(TrainingRun.Status.FAILED, "no visits")
        assert not self.banner(client_of("advisor"), "/customers/")

    def test_pages_without_scores_have_none(self, client_of: Any, group: Group) -> None:
        run = runs.request_run(group.system, AS_OF, DEFAULTS)
        runs.claim(group.system, run.pk).end(TrainingRun.Status.FAILED, "no visits")
        assert not self.banner(client_of("admin"), "/people/")
