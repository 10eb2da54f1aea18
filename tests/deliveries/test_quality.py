"""The quality report after deliveries: asked for once in a while, never in the way of loading."""

from typing import Any

import pytest
from django.core.cache import cache
from kombu.exceptions import OperationalError

from customers.deliveries import loading


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[Any]:
    cache.clear()
    settings.REDIS_URL = "redis://somewhere"
    found: list[Any] = []
    monkeypatch.setattr(loading.assess, "apply_async", lambda *a, **k: found.append(a))
    return found


def test_it_is_asked_for_once_for_many_deliveries_of_a_group(asked) -> None:
    for tenant in (1, 1, 2, 1):
        loading.assess_soon(tenant)
    assert [arguments[0][0] for arguments in asked] == [1, 2]


def test_without_a_broker_nothing_waits_for_one(asked, settings) -> None:
    settings.REDIS_URL = ""
    loading.assess_soon(1)
    assert asked == []


def test_a_broker_that_is_gone_is_no_failure_of_the_delivery(asked, monkeypatch) -> None:
    def gone(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(loading.assess, "apply_async", gone)
    loading.assess_soon(1)
