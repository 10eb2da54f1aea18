"""Which as-of dates a retraining, an export of scores or a valuation may ask for."""

from datetime import date, timedelta

from customers.as_of import visit_bounds
from organization.access import Access, entered


class DateRefused(Exception):
    """The as-of date cannot be used; the message says why and what can."""


def checked_as_of(access: Access, asked: date | None) -> date:
    """The date to use: the one asked for, else the day after the latest accepted visit.

    Raises:
        DateRefused: no visits, a date before the first visit, or later than the data and today.
    """
    with entered(access):
        bounds = visit_bounds(access)
    if bounds is None:
        raise DateRefused("The group has no visits: load them with manage.py import_data first.")
    first, last = bounds
    after_last = last + timedelta(days=1)
    if asked is None:
        return after_last
    if asked <= first:
        raise DateRefused(
            f"--as-of {asked} lies before the first visit ({first}): choose a later date."
        )
    latest = max(after_last, date.today() + timedelta(days=1))
    if asked > latest:
        raise DateRefused(f"--as-of {asked} lies in the future: the latest possible is {latest}.")
    return asked
