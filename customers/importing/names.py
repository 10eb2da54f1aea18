"""Names of files and columns of the exchange format as people say them, beside their own."""

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from customers.importing.kinds import KINDS
from web import formats

FILES: dict[str, Promise] = {
    "org_units": pgettext_lazy("kind of data", "Organization"),
    "staff": pgettext_lazy("kind of data", "Staff"),
    "policies": pgettext_lazy("kind of data", "Brand policies"),
    "customers": pgettext_lazy("kind of data", "Customers"),
    "vehicles": pgettext_lazy("kind of data", "Vehicles"),
    "visits": pgettext_lazy("kind of data", "Visits"),
    "visit_lines": pgettext_lazy("kind of data", "Repair-order lines"),
    "contracts": pgettext_lazy("kind of data", "Contracts"),
    "events": pgettext_lazy("kind of data", "Events"),
    "nps": pgettext_lazy("kind of data", "NPS surveys"),
    "marketing": pgettext_lazy("kind of data", "Marketing spend"),
    "financials": pgettext_lazy("kind of data", "Financials"),
    "targets": pgettext_lazy("kind of data", "Targets"),
    "deleted": pgettext_lazy("kind of data", "Deletions"),
    "comparables": pgettext_lazy("kind of data", "Comparable companies"),
}


def file_words(kind: str) -> str:
    """``visits`` → ``进厂工单 · visits``: the second is what the file must be called."""
    name = FILES.get(kind)
    return f"{name} · {kind}" if name else kind


def column_words(kind: str, column: str) -> str:
    """``mobile`` → ``手机 · mobile`` in Chinese; in English the column's own name says it."""
    if not formats.in_chinese() or kind not in KINDS:
        return column
    title = next((c.aliases[0] for c in KINDS[kind].columns if c.name == column and c.aliases), "")
    return f"{title} · {column}" if title else column
