"""The cache while Redis is away: nothing is remembered, nothing fails, and the log says so."""

import pytest

from config.cache import Memory


def test_without_redis_nothing_is_found_and_nothing_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = Memory("redis://127.0.0.1:1/0", {})
    cache.set("key", 1, 60)
    assert cache.get("key", "default") == "default"
    assert cache.add("key", 1, 60) is False
    assert cache.delete("key") is False
    assert "Redis is away" in caplog.text
