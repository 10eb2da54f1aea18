"""A run from records to published scores on a small group: nightly scoring with the models in use,
resuming at the chunks, poison customers, changed model files, rolling back."""

import json
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.management import call_command

from customers.models import CustomerTag, Visit
from ml import chunks, preparation, publication, registry, runs, score_decisions, training
from ml.chunks import ChunkFailed, take
from ml.churn import ChurnConfig
from ml.configuration import DEFAULTS
from ml.freshness import in_words, standing
from ml.heartbeat import LeaseLost
from ml.lifetime_value import predict
from ml.model_files import UntrustedModelFile
from ml.models import ModelVersion, QuarantinedCustomer, Score, ScoreSet, ScoringChunk, TrainingRun
from ml.next_year import NextYearConfig, train_next_year
from ml.runs import Lease
from organization.access import entered
from organization.models import AuditEvent
from tests.factories import Group
from tests.ml.loaded_group import UNTIL, load

pytestmark = pytest.mark.xdist_group("pipeline")
SCORED = ("customer_id", "p_alive", "churn_12m", "ltv_fen", "anchor_first", "grade", "tags")


@pytest.fixture(autouse=True)
def small_chunks_and_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "CHUNK_CUSTOMERS", 250)
    monkeypatch.setattr(preparation, "ChurnConfig", partial(ChurnConfig, trees=12))
    few = NextYearConfig(trees=12)
    monkeypatch.setattr(preparation, "train_next_year", partial(train_next_year, config=few))
    registry.load_models.cache_clear()


@pytest.fixture
def loaded(group: Group) -> Group:
    load(group)
    return group


def begun(group: Group, *, score_only: bool = False) -> Lease:
    run = runs.request_run(group.system, UNTIL, DEFAULTS, score_only=score_only)
    return runs.claim(group.system, run.pk)


def published(group: Group, *, score_only: bool = False) -> ScoreSet:
    lease = begun(group, score_only=score_only)
    assert training.carry_out(lease), stored(group, lease).message
    with entered(group.system):
        return ScoreSet.objects.get(run=lease.run)


def stored(group: Group, lease: Lease) -> TrainingRun:
    with entered(group.system):
        return TrainingRun.objects.get(pk=lease.run.pk)


def scores(group: Group, score_set: ScoreSet) -> pd.DataFrame:
    with entered(group.system):
        rows = Score.objects.filter(score_set=score_set).order_by("customer_id")
        return pd.DataFrame(rows.values(*SCORED))


def current(group: Group) -> ScoreSet | None:
    with entered(group.system):
        return publication.current_score_set(group.system)


def test_the_nightly_run_scores_with_the_models_in_use(
    loaded: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = published(loaded)
    with entered(loaded.system):
        models = ModelVersion.objects.count()
        assert ScoringChunk.objects.filter(inputs__isnull=False).count() == 0

    def refit(*args: Any) -> None:
        raise AssertionError("the nightly run must not fit")

    monkeypatch.setattr(preparation, "fit", refit)
    registry.load_models.cache_clear()  # another process
    second = published(loaded, score_only=True)
    assert (second.model_run_id, second.model_version) == (first.run_id, first.model_version)
    with entered(loaded.system):
        assert ModelVersion.objects.count() == models
    pd.testing.assert_frame_equal(scores(loaded, second), scores(loaded, first), check_exact=True)


def test_every_version_has_a_card_that_says_whether_it_is_in_use(
    loaded: Group, client_of: Any
) -> None:
    published(loaded)
    with entered(loaded.system):
        versions = list(ModelVersion.objects.values_list("pk", "sha256"))
    for version, digest in versions:
        shown = client_of("analyst").get(
            f"/models/versions/{version}/", headers={"accept-language": "en"}
        )
        assert shown.status_code == 200
        assert "Champion: in use" in shown.content.decode()
        assert digest in shown.content.decode()


def test_a_second_attempt_goes_on_at_the_chunks(
    loaded: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = begun(loaded)
    preparation.prepare(lease)
    one = take(loaded.system, lease.run.pk)
    assert one is not None
    chunks.score_one(one)
    lease.give_back("the machine was switched off")
    monkeypatch.setattr(training, "prepare", lambda lease: pytest.fail("prepared twice"))
    assert training.carry_out(runs.claim(loaded.system, lease.run.pk))
    with entered(loaded.system):
        tries = list(ScoringChunk.objects.order_by("number").values_list("attempts", flat=True))
        assert tries == [1] * len(tries)
        assert Score.objects.count() == sum(
            ScoringChunk.objects.values_list("customers", flat=True)
        )


def test_who_lost_a_chunk_writes_nothing(loaded: Group) -> None:
    lease = begun(loaded)
    preparation.prepare(lease)
    slow = take(loaded.system, lease.run.pk)
    assert slow is not None
    with entered(loaded.system):
        ScoringChunk.objects.filter(pk=slow.chunk.pk).update(lease_until="2020-01-01T00:00Z")
    quick = take(loaded.system, lease.run.pk)
    assert quick is not None
    assert quick.chunk.pk == slow.chunk.pk
    chunks.score_one(quick)
    with pytest.raises(LeaseLost):
        chunks.score_one(slow)
    with entered(loaded.system):
        assert Score.objects.count() == quick.chunk.customers


def test_chunks_of_a_cancelled_run_are_given_to_nobody(loaded: Group) -> None:
    lease = begun(loaded)
    preparation.prepare(lease)
    held = take(loaded.system, lease.run.pk)
    runs.cancel(loaded.system, lease.run.pk, "test")
    assert take(loaded.system, lease.run.pk) is None
    assert held is not None
    with pytest.raises(LeaseLost):
        chunks.score_one(held)
    with pytest.raises(LeaseLost):
        training.score(lease)


def test_a_chunk_that_kills_its_workers_fails_the_run(loaded: Group) -> None:
    lease = begun(loaded)
    preparation.prepare(lease)
    with entered(loaded.system):
        ScoringChunk.objects.filter(number=0).update(
            status="running", attempts=3, lease_until="2020-01-01T00:00Z", worker="somewhere:1"
        )
    with pytest.raises(ChunkFailed, match="somewhere:1"):
        training.carry_out(lease)
    assert stored(loaded, lease).status == "failed"
    assert current(loaded) is None


def test_a_poison_customer_is_left_out_and_named(loaded: Group) -> None:
    with entered(loaded.system):
        victim = Visit.objects.order_by("pk").first()
        Visit.objects.filter(pk=victim.pk).update(pay_customer_fen=9 * 10**15)
    score_set = published(loaded)
    with entered(loaded.system):
        row = QuarantinedCustomer.objects.get(run_id=score_set.run_id)
        assert (row.customer_id, row.store_id) == (victim.customer_id, victim.store_id)
        assert "beyond belief" in row.reason
        assert not Score.objects.filter(customer_id=victim.customer_id).exists()
        assert Score.objects.count() == score_set.customers
    assert score_set.summary["quarantined"] == 1


def test_a_customer_on_whom_a_model_fails_costs_only_that_one(
    loaded: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = begun(loaded)
    preparation.prepare(lease)
    with entered(loaded.system):
        total = ScoreSet.objects.get(run=lease.run).customers
    sound, poison = chunks.score_rows, []

    def failing(facts: pd.DataFrame, *rest: Any) -> Any:
        poison[:] = poison or [facts.index[17]]
        if poison[0] in facts.index:
            raise ZeroDivisionError("no interval")
        return sound(facts, *rest)

    monkeypatch.setattr(chunks, "score_rows", failing)
    assert training.carry_out(lease) is True
    with entered(loaded.system):
        assert Score.objects.count() == total - 1
        row = QuarantinedCustomer.objects.get()
        assert (row.customer_id, row.reason) == (poison[0], "ZeroDivisionError: no interval")


def test_a_changed_model_file_is_refused_and_the_scores_in_use_stay(loaded: Group) -> None:
    first = published(loaded)
    registry.load_models.cache_clear()
    lease = begun(loaded, score_only=True)
    sound = registry.load

    def changed(content: bytes, sha256: str) -> Any:
        """As if somebody had reached the file, which the application's role may not change."""
        return sound(content + b"x", sha256)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "load", changed)
        with pytest.raises(UntrustedModelFile, match="SHA-256"):
            training.carry_out(lease)
    assert stored(loaded, lease).status == "failed"
    assert current(loaded) == first
    with entered(loaded.system):
        words = in_words(standing(loaded.system))
    assert words


def test_back_to_the_former_scores_with_their_tags(loaded: Group) -> None:
    first = published(loaded)
    with entered(loaded.system):
        before = set(CustomerTag.objects.values_list("customer_id", "code", "as_of"))
    second = published(loaded, score_only=True)
    with entered(loaded.system):
        CustomerTag.objects.filter(code="lost").delete()  # as another model's tags would differ
    call_command("rollback_scores", "--reason", "a store's file was loaded twice", "--group", "XQ")
    assert current(loaded) == first
    with entered(loaded.system):
        assert set(CustomerTag.objects.values_list("customer_id", "code", "as_of")) == before
        withdrawn = ScoreSet.objects.get(pk=second.pk)
        assert withdrawn.withdrawn_reason == "a store's file was loaded twice"
        event = AuditEvent.objects.get(action="scores.rolled_back")
        assert event.detail["reason"] == "a store's file was loaded twice"
        assert in_words(standing(loaded.system))
    with pytest.raises(score_decisions.DecisionRefused):
        score_decisions.roll_back(loaded.system, "and once more")


def test_a_group_of_another_size_than_before_is_held_until_somebody_says_why(
    loaded: Group,
) -> None:
    first = published(loaded)
    with entered(loaded.system):
        ScoreSet.objects.filter(pk=first.pk).update(customers=first.customers * 2)
    lease = begun(loaded, score_only=True)
    assert training.carry_out(lease) is False
    run = stored(loaded, lease)
    assert (run.status, "left out" in run.message) == ("held", True)
    assert current(loaded) == first
    with entered(loaded.system):
        held = ScoreSet.objects.get(run=run)
        assert in_words(standing(loaded.system))
    score_decisions.publish_held(loaded.system, held.pk, "a store was sold")
    assert current(loaded) == held
    with entered(loaded.system):
        assert not in_words(standing(loaded.system))


def test_stored_models_forecast_what_the_fitted_ones_did(loaded: Group) -> None:
    lease = begun(loaded)
    gathered = preparation.gather(lease)
    fitted = preparation.fit(lease, gathered)
    rows = json.loads(json.dumps(fitted.lifetime.as_dict()))
    again = type(fitted.lifetime).from_dict(rows)
    ours, theirs = (predict(model, gathered.facts) for model in (fitted.lifetime, again))
    for name in ("visits", "alive", "p_alive", "revenue_per_visit", "accident_margin"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
