"""As-of dates: the default one, and which are refused."""

from datetime import date, timedelta

from django.db.models import Max, Min

from customers.models import Visit
from organization.access import Access, entered

ACCEPTED = ("open", "closed")


class DateRefused(Exception):
    """The as-of date cannot be used; the message says why and what can."""


def _bounds(access: Access) -> tuple[date | None, date | None]:
    with entered(access):
        found = Visit.objects.filter(status__in=ACCEPTED).aggregate(Min("day"), Max("day"))
    return found["day__min"], found["day__max"]


def default_as_of(access: Access) -> date | None:
    """The day after the latest accepted visit; None for a group without visits."""
    last = _bounds(access)[1]
    return last + timedelta(days=1) if last else None


def checked_as_of(access: Access, asked: date | None) -> date:
    """The date to use.

    Raises:
        DateRefused: no visits, a date before the first visit, or later than the data and today.
    """
    first, last = _bounds(access)
    if first is None or last is None:
        raise DateRefused("The group has no visits: load them with manage.py import_data first.")
    if asked is None:
        return last + timedelta(days=1)
    if asked <= first:
        raise DateRefused(
            f"--as-of {asked} lies before the first visit ({first}): choose a later date."
        )
    latest = max(last + timedelta(days=1), date.today() + timedelta(days=1))
    if asked > latest:
        raise DateRefused(f"--as-of {asked} lies in the future: the latest possible is {latest}.")
    return asked
