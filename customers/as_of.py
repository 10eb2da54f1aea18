"""As-of dates: which days the group's visits cover, and the day that everything is as of."""

from datetime import date, timedelta

from django.db.models import Max, Min

from customers.models import Visit
from organization.access import Access

ACCEPTED = ("open", "closed")


def visit_bounds(access: Access) -> tuple[date, date] | None:
    """First and last day with an accepted visit; None for a group without visits."""
    found = (
        Visit.objects.visible_to(access)
        .filter(status__in=ACCEPTED)
        .aggregate(first=Min("day"), last=Max("day"))
    )
    return None if found["last"] is None else (found["first"], found["last"])


def default_as_of(access: Access) -> date | None:
    """The day after the latest accepted visit; None for a group without visits.

    ``access`` must be entered.
    """
    bounds = visit_bounds(access)
    return None if bounds is None else bounds[1] + timedelta(days=1)
