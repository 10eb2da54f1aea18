"""What a load balancer and a monitor ask: alive, ready."""

from django.conf import settings
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def _database() -> str:
    with connections["default"].cursor() as cursor:
        cursor.execute("select 1")
    return "ok"


def _migrations() -> str:
    executor = MigrationExecutor(connections["default"])
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(pending)} migrations are not applied" if pending else "ok"


def _broker() -> str:
    import redis

    if not settings.REDIS_URL:
        return "REDIS_URL is not set"
    redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2).ping()
    return "ok"


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, migrations and broker; 503 with the reason where one is not ready."""
    checks: dict[str, str] = {}
    for name, check in (
        ("database", _database),
        ("migrations", _migrations),
        ("broker", _broker),
    ):
        try:
            checks[name] = check()
        except Exception as error:  # any failure is an answer here
            checks[name] = type(error).__name__
    ready = all(result == "ok" for result in checks.values())
    return JsonResponse(
        {"status": "ready" if ready else "not ready", "checks": checks},
        status=200 if ready else 503,
    )
