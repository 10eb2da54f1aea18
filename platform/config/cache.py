"""The cache in Redis, without which pages are slower but not gone.

It holds only what can be computed anew, and the counts of the API's rate. While Redis is away
nothing is remembered: results are computed each time, the rate is not limited, and the log says so.
"""

import logging
from typing import Any

import redis
from django.core.cache.backends.redis import RedisCache

logger = logging.getLogger(__name__)
AWAY = (redis.ConnectionError, redis.TimeoutError)


class Memory(RedisCache):
    """Django's Redis cache; an operation that finds no Redis finds nothing and keeps nothing."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except AWAY as error:
            return _without(error, default)

    def set(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> None:
        try:
            super().set(key, value, *args, **kwargs)
        except AWAY as error:
            _without(error, None)

    def add(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> bool:
        """False without Redis: what is to be done once must not be queued by everybody."""
        try:
            return bool(super().add(key, value, *args, **kwargs))
        except AWAY as error:
            return bool(_without(error, False))

    def delete(self, key: Any, version: int | None = None) -> bool:
        try:
            return bool(super().delete(key, version))
        except AWAY as error:
            return bool(_without(error, False))


def _without(error: Exception, answer: Any) -> Any:
    logger.warning("Redis is away, going on without the cache: %s", error)
    return answer
