"""Whether the scores that pages show are what they should be, and why not."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from ml.models import TrainingRun
from ml.stages import stage_in_words
from organization.access import Access
from web import formats

# A night may be missed; two in a row are a fault.
SILENT_AFTER = timedelta(hours=60)

# One statement a page: the set in use, what went wrong since, and what was withdrawn.
STANDING = """
select c.as_of, c.published_at, r.status, r.stage, r.finished_at, w.as_of, w.withdrawn_at
from (select 1) one
left join lateral (
    select as_of, published_at from ml_scoreset
    where tenant_id = %(tenant)s and status = 'published' and withdrawn_at is null
        and dropped_at is null
    order by as_of desc, published_at desc limit 1
) c on true
left join lateral (
    select status, stage, finished_at from ml_trainingrun
    where tenant_id = %(tenant)s and status in ('failed', 'held')
        and (c.as_of is null or (as_of >= c.as_of and finished_at > c.published_at))
    order by finished_at desc limit 1
) r on true
left join lateral (
    select as_of, withdrawn_at from ml_scoreset
    where tenant_id = %(tenant)s and withdrawn_at is not null and as_of >= c.as_of
        and published_at > c.published_at
    order by withdrawn_at desc limit 1
) w on true
"""


@dataclass(frozen=True)
class Standing:
    """``as_of`` and ``published_at`` of the set in use (None: there is none); the newest run since
    that published nothing; the newest set since that was withdrawn."""

    as_of: date | None
    published_at: datetime | None
    run_status: str | None
    run_stage: str | None
    run_ended: datetime | None
    withdrawn_as_of: date | None
    withdrawn_at: datetime | None

    @property
    def silent(self) -> bool:
        """Nothing was published for longer than the schedule allows."""
        at = self.published_at
        return at is not None and timezone.now() - at > SILENT_AFTER


def standing(access: Access) -> Standing:
    """Where the scores of the group stand; inside the entered access."""
    with connection.cursor() as cursor:
        cursor.execute(STANDING, {"tenant": access.tenant_id})
        return Standing(*cursor.fetchone())


def in_words(found: Standing) -> str:
    """Since when and why the scores are old; empty where they are not."""
    why = ""
    if found.run_status == TrainingRun.Status.HELD:
        why = _("the run that ended %(at)s was held back by the gate")
    elif found.run_status is not None:
        why = _("the run that ended %(at)s failed at: %(stage)s")
    elif found.withdrawn_at is not None:
        why = _("the scores as of %(withdrawn)s were withdrawn %(at)s")
    elif found.silent:
        why = _("no run has ended since")
    if not why:
        return ""
    why = why % {
        "at": formats.instant(found.run_ended or found.withdrawn_at),
        "stage": stage_in_words(found.run_stage or ""),
        "withdrawn": formats.date(found.withdrawn_as_of),
    }
    if found.as_of is None:
        return _("There are no scores yet: %(why)s.") % {"why": why}
    return _("Scores are those as of %(day)s, published %(at)s: %(why)s.") % {
        "day": formats.date(found.as_of),
        "at": formats.instant(found.published_at),
        "why": why,
    }
