"""The Celery application: two queues, late acknowledgement, nightly and weekly work.

Training has a queue of its own, served by workers of one process each, so that an hour of fitting
never delays an import or a page's small job; any number of them, on any machine, share the scoring.
Tasks carry ids only; they enter their tenant's context.
"""

import os

from celery import Celery
from celery.schedules import crontab
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def broker_url(redis_url: str) -> str:
    """kombu's spelling of a Redis URL: a Unix socket has a scheme of its own there."""
    if redis_url.startswith("unix://"):
        path, _, query = redis_url.removeprefix("unix://").partition("?")
        return f"redis+socket://{path}?virtual_host={query.removeprefix('db=') or '0'}"
    return redis_url


# The watchdog looks as often as a lease may lapse; it runs on the default queue, since a training
# worker may be the one that hangs.
WATCH_SECONDS = float(max(2, settings.TRAINING_LEASE_SECONDS // 2))

app = Celery("parcfolio")
app.conf.update(
    broker_url=broker_url(settings.REDIS_URL) if settings.REDIS_URL else None,
    result_backend=None,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=False,
    task_default_queue="default",
    task_routes={
        "ml.tasks.train": {"queue": "training"},
        "ml.tasks.help_scoring": {"queue": "training"},
    },
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 6 * 3600},
    timezone=settings.TIME_ZONE,
    beat_schedule={
        "score every night": {
            "task": "ml.tasks.score_all_groups",
            "schedule": crontab(hour="2", minute="10"),
        },
        "retrain every week": {
            "task": "ml.tasks.retrain_all_groups",
            "schedule": crontab(day_of_week="sun", hour="3", minute="30"),
        },
        "back-test every week": {
            "task": "ml.tasks.backtest_all_groups",
            "schedule": crontab(day_of_week="sat", hour="3", minute="30"),
        },
        "drop old scores every night": {
            "task": "ml.tasks.drop_old_scores",
            "schedule": crontab(hour="4", minute="40"),
        },
        "requeue expired training leases": {
            "task": "ml.tasks.requeue_expired",
            "schedule": WATCH_SECONDS,
        },
        "value every month": {
            "task": "valuation.tasks.value_all_groups",
            "schedule": crontab(day_of_month="1", hour="5", minute="0"),
        },
        "record indicators every night": {
            "task": "valuation.tasks.record_all_indicators",
            "schedule": crontab(hour="5", minute="40"),
        },
        "record indicators after loads": {
            "task": "valuation.tasks.look_for_loads",
            "schedule": crontab(minute="*/5"),
        },
        "measure tasks whose day has come": {
            "task": "valuation.tasks.measure_tasks",
            "schedule": crontab(hour="6", minute="30"),
        },
        "forget expired sign-ins": {
            "task": "organization.tasks.forget_expired_sign_ins",
            "schedule": crontab(hour="1", minute="20"),
        },
        "log the heads of the audit trails": {
            "task": "organization.tasks.log_audit_heads",
            "schedule": crontab(hour="0", minute="5"),
        },
        "delete what has passed its period": {
            "task": "customers.tasks.apply_retention",
            "schedule": crontab(hour="1", minute="15"),
        },
        "look for files in the drop folders": {
            "task": "customers.tasks.look_for_deliveries",
            "schedule": crontab(minute="*/5"),
        },
        "make the daily follow-up lists": {
            "task": "customers.tasks.make_follow_ups",
            "schedule": crontab(hour="6", minute="0"),
        },
    },
)
app.autodiscover_tasks()
