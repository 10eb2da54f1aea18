"""Component tags; usage and pictures on /styleguide and in docs/design-system.md."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django import template
from django.forms import BaseForm, BoundField
from django.forms.widgets import CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from web import formats, icons
from web.charts import Figure, interval_bar, sparkline
from web.components import Badge, Lineage, Progress, Tab, TimelineEntry
from web.shell import Text, Tone
from web.tables import Column, Sorting, Table

register = template.Library()
Fields = dict[str, Any]

_MESSAGE_TONES: dict[str, Tone] = {"success": "good", "warning": "warn", "error": "bad"}
_TONE_ICONS = {"good": "check", "warn": "alert", "bad": "alert"}


@register.simple_tag
def icon(name: str) -> SafeString:
    """``{% icon "car" %}``"""
    return icons.icon(name)


@register.filter
def message_tone(level_tag: str) -> Tone:
    """Tone of a Django message level."""
    return _MESSAGE_TONES.get(level_tag, "accent")


@register.inclusion_tag("web/ui/delta.html")
def delta(
    change: float | None, kind: str = "percent", good: str = "up", label: Text = "", digits: int = 1
) -> Fields:
    """Arrow and signed change. ``kind``: percent (share), points, score, integer, money.

    ``good``: the direction that is welcome, ``up``, ``down`` or ``none`` (no colour).
    """
    write = {
        "percent": lambda v: formats.percent(v, digits),
        "points": lambda v: formats.points(v, digits),
        "score": lambda v: formats.decimal(v, digits),
        "integer": formats.integer,
        "money": formats.money,
    }[kind]
    if change is None:
        return {"text": formats.NOT_KNOWN, "label": label, "direction": "", "tone": ""}
    text = formats.signed(write(change))
    direction = "up" if text.startswith("+") else "down" if text.startswith(formats.MINUS) else ""
    tone = ""
    if direction and good != "none":
        tone = "good" if direction == good else "warn"
    return {"text": text, "label": label, "direction": direction, "tone": tone}


@register.inclusion_tag("web/ui/tile.html")
def tile(
    label: Text,
    value: Any,
    *,
    unit: Text = "",
    delta: float | None = None,
    delta_kind: str = "percent",
    delta_label: Text = "",
    good: str = "up",
    target: Text = "",
    hint: Text = "",
    spark: Sequence[float | None] | None = None,
    lineage: Lineage | None = None,
    href: str = "",
    tone: str = "",
    compact: bool = False,
) -> Fields:
    """One figure with its label. ``value`` is formatted by the page: ``value=visits|integer``."""
    return {**locals(), "spark_svg": sparkline(spark, str(label)) if spark else ""}


@register.inclusion_tag("web/ui/band.html")
def band(
    label: Text,
    low: float,
    base: float,
    high: float,
    *,
    format: str = "money",
    low_label: Text = "P5",
    high_label: Text = "P95",
    lineage: Lineage | None = None,
) -> Fields:
    """A value with its interval: base in large, low and high on a bar to scale."""
    write = getattr(formats, format)
    return {
        "label": label,
        "low": write(low),
        "base": write(base),
        "high": write(high),
        "low_label": low_label,
        "high_label": high_label,
        "lineage": lineage,
        "bar": interval_bar(low, base, high, str(label)),
    }


@register.inclusion_tag("web/ui/badge.html")
def badge(
    text: Text | Badge,
    tone: Tone = "neutral",
    icon: str = "",
    title: Text = "",
    outline: bool = False,
) -> Fields:
    """``{% badge _("In warranty") tone="good" %}`` or ``{% badge a_badge %}``"""
    if isinstance(text, Badge):
        return {**vars(text), "outline": outline}
    return {"text": text, "tone": tone, "icon": icon, "title": title, "outline": outline}


@register.inclusion_tag("web/ui/notice.html")
def notice(
    text: Text, tone: Tone = "accent", title: Text = "", href: str = "", link: Text = ""
) -> Fields:
    return {**locals(), "icon": _TONE_ICONS.get(tone, "info")}


@register.inclusion_tag("web/ui/stale.html")
def stale(since: dt.date | dt.datetime, why: Text, href: str = "", link: Text = "") -> Fields:
    """A figure on the page is old: of when it is, why, and what can be done."""
    return locals()


@register.inclusion_tag("web/ui/empty.html")
def empty_state(
    title: Text, body: Text = "", href: str = "", action: Text = "", icon: str = "inbox"
) -> Fields:
    return locals()


@register.inclusion_tag("web/ui/progress.html")
def progress(progress: Progress) -> Fields:
    """Long work; renews itself by htmx while it runs."""
    return {"progress": progress}


@register.inclusion_tag("web/ui/loading.html")
def loading(url: str = "", label: Text = "", tall: bool = False) -> Fields:
    """A place that fills itself from ``url`` once the page stands; for figures that take long."""
    return locals()


@register.inclusion_tag("web/ui/button.html")
def button(
    label: Text,
    *,
    href: str = "",
    kind: str = "",
    icon: str = "",
    small: bool = False,
    name: str = "",
    value: str = "",
    type: str = "submit",
    key: str = "",
    disabled: bool = False,
) -> Fields:
    """A link that looks like a button where ``href`` is given, else a button of the form.

    ``kind``: primary, quiet, danger; ``key``: the keyboard key that presses it.
    """
    return locals()


@register.inclusion_tag("web/ui/field.html")
def field(bound: BoundField, label: Text = "") -> Fields:
    """Label, control, help and errors of one form field."""
    widget = bound.field.widget
    single = isinstance(widget, CheckboxInput)
    group = isinstance(widget, RadioSelect | CheckboxSelectMultiple)
    return {"field": bound, "label": label or bound.label, "single": single, "group": group}


@register.inclusion_tag("web/ui/form.html")
def form_fields(form: BaseForm) -> Fields:
    """All fields of a form under each other, general errors first."""
    return {"form": form}


@register.inclusion_tag("web/ui/form_errors.html")
def form_errors(form: BaseForm) -> Fields:
    return {"form": form}


@register.inclusion_tag("web/ui/filters.html")
def filter_bar(form: BaseForm, reset: str = "?", live_target: str = "") -> Fields:
    """A GET form in one row. ``live_target`` (CSS selector): htmx renews it on every change."""
    return locals()


@register.inclusion_tag("web/ui/tabs.html")
def tabs(tabs: Iterable[Tab], label: Text = "") -> Fields:
    return {"tabs": tabs, "label": label}


@register.inclusion_tag("web/ui/breadcrumbs.html")
def breadcrumbs(items: Iterable[tuple[Text, str]]) -> Fields:
    """(label, address) from the top down, without the page itself."""
    return {"items": items}


@register.inclusion_tag("web/ui/lineage.html")
def lineage(lineage: Lineage, label: Text = "", to_left: bool = False) -> Fields:
    """The little mark at a figure that opens formula, rows, as-of and model version."""
    return locals()


@register.inclusion_tag("web/ui/definitions.html")
def definitions(items: Iterable[tuple[Text, Any]], figures: bool = False) -> Fields:
    """(label, value) pairs; ``figures`` right-aligns the values."""
    return {"items": items, "figures": figures}


@register.inclusion_tag("web/ui/timeline.html")
def timeline(entries: Iterable[TimelineEntry]) -> Fields:
    """Newest first, as given."""
    return {"entries": entries}


@register.simple_tag
def chart(figure: Figure) -> SafeString:
    """A chart of ``web.charts`` with its legend and its data as a table."""
    return figure.html()


@register.simple_tag
def spark(values: Sequence[float | None], label: Text = "") -> SafeString:
    return sparkline(values, str(label))


def _address(context: Context, **changes: str | None) -> str:
    """The query of the present address with some parameters set, or left out (None)."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return f"?{query.urlencode()}"


@register.inclusion_tag("web/ui/sort_header.html", takes_context=True)
def sort_header(context: Context, column: Column, sorting: Sorting | None = None) -> Fields:
    """``<th>`` with a link that sorts by the column: descending first for figures."""
    chosen = sorting is not None and sorting.key == column.key
    descending = bool(chosen and sorting and sorting.descending)
    figures_first = "num" in column.css.split()
    next_descending = not descending if chosen else figures_first
    sort = f"-{column.key}" if next_descending else column.key
    return {
        "column": column,
        "sortable": bool(column.order) and sorting is not None,
        "aria": ("descending" if descending else "ascending") if chosen else "",
        "arrow": ("down" if descending else "up") if chosen else "",
        "address": _address(context, sort=sort, page=None),
    }


@register.inclusion_tag("web/ui/table.html", takes_context=True)
def data_table(context: Context, table: Table) -> Fields:
    return {
        "request": context["request"],
        "table": table,
        "rows": table.body(),
        "foot": table.foot(),
    }


@register.inclusion_tag("web/ui/pager.html", takes_context=True)
def pager(context: Context, page: Any, parameter: str = "page") -> Fields:
    """Previous and next page; ``page`` is Django's ``Page`` or a ``web.paging.Slice``."""
    return {
        "page": page,
        "count": getattr(getattr(page, "paginator", None), "count", None),
        "before": _address(context, **{parameter: str(page.previous_page_number())})
        if page.has_previous()
        else "",
        "after": _address(context, **{parameter: str(page.next_page_number())})
        if page.has_next()
        else "",
    }


@register.simple_tag
def exact(fen: int | None) -> SafeString:
    """Money in short, with the exact amount on hover and for copying."""
    return format_html(
        '<data value="{}" title="{}">{}</data>',
        "" if fen is None else fen / 100,
        formats.money_exact(fen),
        formats.money(fen),
    )
