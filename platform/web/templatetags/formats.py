"""Filters of ``web.formats``: ``{{ visit.total_fen|money }}``, ``{{ share|percent:0 }}``."""

from django import template

from web import formats

register = template.Library()

for name in (
    "money",
    "money_exact",
    "integer",
    "decimal",
    "compact",
    "percent",
    "points",
    "change",
    "signed",
    "km",
    "instant",
    "month",
    "days_ago",
    "masked_phone",
):
    register.filter(name, getattr(formats, name))
# Django's own filter is called `date` and takes a pattern.
register.filter("day", formats.date)
