"""Training runs: one at a time a group, a lease that can be lost, three attempts."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from ml import runs
from ml.models import TrainingRun
from ml.runs import Lease, LeaseLost, RunBusy
from organization.access import Access, entered
from organization.models import AuditEvent
from tests.factories import Group

AS_OF = date(2025, 1, 1)
Status = TrainingRun.Status


def requested(access: Access, as_of: date = AS_OF) -> int:
    return int(runs.request_run(access, as_of, {"seed": 1}).pk)


def stored(access: Access, run_id: int) -> TrainingRun:
    with entered(access):
        run: TrainingRun = TrainingRun.objects.get(pk=run_id)
    return run


def let_expire(access: Access, run_id: int) -> None:
    """The worker fell silent: its lease has run out."""
    with entered(access):
        TrainingRun.objects.filter(pk=run_id).update(
            lease_until=timezone.now() - timedelta(seconds=1)
        )


@pytest.fixture
def access(group: Group) -> Access:
    return group.system


class TestClaiming:
    def test_a_request_is_queued_and_in_the_audit_trail(self, access: Access) -> None:
        run = stored(access, requested(access))
        assert (run.status, run.attempts, run.token) == (Status.QUEUED, 0, 0)
        assert run.config_hash == runs.config_hash({"seed": 1})
        with entered(access):
            assert AuditEvent.objects.filter(action="training.requested").count() == 1

    def test_a_claim_takes_the_lease_and_moves_the_token(self, access: Access) -> None:
        run_id = requested(access)
        lease = runs.claim(access, run_id)
        run = stored(access, run_id)
        assert (run.status, run.attempts, run.token) == (Status.RUNNING, 1, 1)
        assert lease.run.token == 1
        assert run.lease_until is not None
        assert timedelta(0) < run.lease_until - timezone.now() <= runs.LEASE

    def test_a_run_whose_worker_is_alive_is_busy(self, access: Access) -> None:
        run_id = requested(access)
        lease = runs.claim(access, run_id)
        with pytest.raises(RunBusy, match="being carried out or has ended"):
            runs.claim(access, run_id)
        lease.report("extract", 0.1)  # the first worker is not disturbed

    def test_of_one_group_only_one_run_is_carried_out(self, access: Access) -> None:
        runs.claim(access, requested(access))
        second = requested(access, date(2025, 2, 1))
        with pytest.raises(RunBusy, match="Another retraining"):
            runs.claim(access, second)
        assert stored(access, second).status == Status.QUEUED
        assert stored(access, second).attempts == 0

    def test_another_group_is_not_kept_waiting(self, access: Access, other_group: Group) -> None:
        runs.claim(access, requested(access))
        runs.claim(other_group.system, requested(other_group.system))

    def test_another_group_s_run_cannot_be_claimed(
        self, access: Access, other_group: Group
    ) -> None:
        run_id = requested(access)
        with pytest.raises(RunBusy):
            runs.claim(other_group.system, run_id)
        assert stored(access, run_id).status == Status.QUEUED

    @pytest.mark.parametrize("status", [Status.PUBLISHED, Status.HELD, Status.FAILED])
    def test_a_run_that_has_ended_is_not_carried_out_again(
        self, access: Access, status: TrainingRun.Status
    ) -> None:
        run_id = requested(access)
        runs.claim(access, run_id).end(status)
        with pytest.raises(RunBusy):
            runs.claim(access, run_id)
        assert stored(access, run_id).status == status

    def test_after_an_end_the_next_run_may_start(self, access: Access) -> None:
        runs.claim(access, requested(access)).end(Status.HELD, "not good enough")
        runs.claim(access, requested(access))

    def test_the_hash_of_a_configuration_does_not_depend_on_its_order(self) -> None:
        assert runs.config_hash({"a": 1, "b": 2}) == runs.config_hash({"b": 2, "a": 1})
        assert runs.config_hash({"a": 1}) != runs.config_hash({"a": 2})


class TestLease:
    @pytest.fixture
    def lease(self, access: Access) -> Lease:
        return runs.claim(access, requested(access))

    @pytest.fixture
    def lost(self, access: Access, lease: Lease) -> Lease:
        """A lease that ran out and was taken over by a second worker."""
        let_expire(access, lease.run.pk)
        runs.claim(access, lease.run.pk)
        return lease

    def test_a_report_shows_progress_and_keeps_the_lease(
        self, access: Access, lease: Lease
    ) -> None:
        let_expire(access, lease.run.pk)
        lease.report("churn", 0.45)
        run = stored(access, lease.run.pk)
        assert (run.stage, run.progress) == ("churn", 0.45)
        assert run.lease_until is not None
        assert run.lease_until > timezone.now()

    def test_stages_are_timed(self, access: Access, lease: Lease) -> None:
        with lease.timed("extract", 0.02):
            pass
        lease.report("churn", 0.5)
        assert set(stored(access, lease.run.pk).seconds) == {"extract"}

    def test_the_stage_in_which_a_run_ends_is_timed_too(self, access: Access, lease: Lease) -> None:
        with lease.timed("extract", 0.02):
            pass
        with lease.timed("publish", 0.95):
            lease.end(Status.PUBLISHED)
        assert set(stored(access, lease.run.pk).seconds) == {"extract", "publish"}

    def test_an_end_is_written_once_with_its_reason(self, access: Access, lease: Lease) -> None:
        lease.end(Status.HELD, "churn is a leak")
        run = stored(access, lease.run.pk)
        assert (run.status, run.message, run.lease_until) == (Status.HELD, "churn is a leak", None)
        assert run.finished_at is not None
        with pytest.raises(LeaseLost):
            lease.end(Status.PUBLISHED)
        assert stored(access, lease.run.pk).status == Status.HELD

    def test_who_lost_the_lease_may_not_report(self, access: Access, lost: Lease) -> None:
        with pytest.raises(LeaseLost):
            lost.report("publish", 0.97)
        assert stored(access, lost.run.pk).stage == ""

    def test_who_lost_the_lease_may_not_end_the_run(self, access: Access, lost: Lease) -> None:
        with pytest.raises(LeaseLost):
            lost.end(Status.FAILED, "late")
        assert stored(access, lost.run.pk).status == Status.RUNNING

    def test_who_lost_the_lease_may_not_publish(self, access: Access, lost: Lease) -> None:
        with pytest.raises(LeaseLost), entered(access), transaction.atomic():
            lost.lock()

    def test_the_holder_may(self, access: Access, lease: Lease) -> None:
        with entered(access), transaction.atomic():
            lease.lock()


class TestAfterACrash:
    def test_a_living_worker_is_left_alone(self, access: Access) -> None:
        run_id = requested(access)
        runs.claim(access, run_id)
        assert runs.requeue_expired(access) == []
        assert stored(access, run_id).status == Status.RUNNING

    def test_an_expired_run_is_queued_again_and_its_worker_fenced_off(self, access: Access) -> None:
        run_id = requested(access)
        dead = runs.claim(access, run_id)
        let_expire(access, run_id)
        assert runs.requeue_expired(access) == [run_id]
        assert stored(access, run_id).status == Status.QUEUED
        with pytest.raises(LeaseLost):
            dead.report("write", 0.85)
        again = runs.claim(access, run_id)
        assert stored(access, run_id).attempts == 2
        again.report("extract", 0.02)

    def test_after_three_attempts_it_is_given_up(self, access: Access) -> None:
        run_id = requested(access)
        for attempt in (1, 2, 3):
            runs.claim(access, run_id)
            let_expire(access, run_id)
            expected = [run_id] if attempt < 3 else []
            assert runs.requeue_expired(access) == expected
        run = stored(access, run_id)
        assert (run.status, run.attempts) == (Status.FAILED, 3)
        assert "died 3 times" in run.message
        assert run.finished_at is not None
        with pytest.raises(RunBusy):
            runs.claim(access, run_id)

    def test_a_run_given_up_makes_room_for_the_next(self, access: Access) -> None:
        run_id = requested(access)
        with entered(access):
            TrainingRun.objects.filter(pk=run_id).update(attempts=2)
        runs.claim(access, run_id)
        let_expire(access, run_id)
        runs.requeue_expired(access)
        runs.claim(access, requested(access))

    def test_the_watchdog_hands_the_run_to_a_worker(
        self, access: Access, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from ml import tasks

        handed: list[Any] = []
        monkeypatch.setattr(tasks.train, "delay", lambda *ids: handed.append(ids))
        run_id = requested(access)
        runs.claim(access, run_id)
        let_expire(access, run_id)
        tasks.requeue_expired()
        assert handed == [(access.tenant_id, run_id)]
        tasks.requeue_expired()
        assert len(handed) == 1


class TestEndingByHand:
    @pytest.mark.parametrize("claimed", [False, True])
    def test_a_cancelled_run_is_over_and_its_worker_fenced_off(
        self, access: Access, claimed: bool
    ) -> None:
        run_id = requested(access)
        lease = runs.claim(access, run_id) if claimed else None
        runs.cancel(access, run_id, "王芳")
        run = stored(access, run_id)
        assert (run.status, run.message) == (Status.CANCELLED, "Cancelled by 王芳.")
        with pytest.raises(RunBusy):
            runs.claim(access, run_id)
        if lease is not None:
            with pytest.raises(LeaseLost):
                lease.renew()
        runs.claim(access, requested(access))  # it makes room for the next

    def test_what_has_ended_cannot_be_cancelled(self, access: Access, other_group: Group) -> None:
        run_id = requested(access)
        with pytest.raises(runs.RunOver):
            runs.cancel(other_group.system, run_id, "a stranger")
        runs.claim(access, run_id).end(Status.PUBLISHED)
        with pytest.raises(runs.RunOver):
            runs.cancel(access, run_id, "too late")
        assert stored(access, run_id).status == Status.PUBLISHED

    def test_a_run_given_back_is_taken_up_by_another(self, access: Access) -> None:
        run_id = requested(access)
        runs.claim(access, run_id).give_back("no database")
        assert stored(access, run_id).status == Status.QUEUED
        assert runs.claim(access, run_id).run.attempts == 2

    def test_after_the_last_attempt_it_has_failed(self, access: Access) -> None:
        run_id = requested(access)
        for _attempt in range(3):
            runs.claim(access, run_id).give_back("no database")
        run = stored(access, run_id)
        assert run.status == Status.FAILED
        assert run.message == "Given up after 3 attempts: no database"


class TestTellingWorkers:
    def test_each_queued_run_is_told_once(self, access: Access) -> None:
        run_id = requested(access)
        assert runs.to_be_told(access) == [run_id]
        assert runs.to_be_told(access) == []

    def test_a_run_that_nobody_took_up_is_told_again(self, access: Access) -> None:
        run_id = requested(access)
        runs.to_be_told(access)
        with entered(access):
            TrainingRun.objects.filter(pk=run_id).update(
                sent_at=timezone.now() - runs.TELL_AGAIN - timedelta(seconds=1)
            )
        assert runs.to_be_told(access) == [run_id]

    def test_a_run_that_is_carried_out_is_not_told(self, access: Access) -> None:
        runs.claim(access, requested(access))
        assert runs.to_be_told(access) == []

    def test_a_worker_killed_by_a_signal_lets_go_at_once(self, access: Access) -> None:
        run_id = requested(access)
        runs.claim(access, run_id)
        assert not runs.is_waiting(access, run_id)
        runs.release_dead(access, run_id)
        assert runs.is_waiting(access, run_id)
        assert runs.requeue_expired(access) == [run_id]
