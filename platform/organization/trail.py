"""The audit trail page: who did what to what, when."""

import json
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from organization.access import Access, Capability
from organization.audit import (
    ACTION_WORDS,
    DETAIL_WORDS,
    ROW_ACTIONS,
    TABLE_WORDS,
    actor_label,
    actor_words,
)
from organization.models import Assignment, AuditEvent
from organization.requests import SignedInRequest
from web import formats
from web.tables import Column, Table

PAGE = 50
# Of the rows that one statement changed; the trail itself describes some more.
SHOWN_CHANGES = 3


class TrailFilter(forms.Form):
    actor = forms.CharField(label=gettext_lazy("Who"), required=False, max_length=80)
    action = forms.CharField(label=gettext_lazy("Action"), required=False, max_length=60)
    subject = forms.CharField(label=gettext_lazy("Subject"), required=False, max_length=120)
    of = forms.ChoiceField(
        label=gettext_lazy("What"),
        required=False,
        choices=[
            ("", gettext_lazy("What people did")),
            ("rows", gettext_lazy("Changes of rows")),
            ("all", gettext_lazy("Everything")),
        ],
    )
    since = forms.DateField(
        label=gettext_lazy("From day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    until = forms.DateField(
        label=gettext_lazy("To day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        since, until = chosen.get("since"), chosen.get("until")
        if since and until and until < since:
            raise forms.ValidationError(_("The period ends before it starts."))
        return chosen


@dataclass(frozen=True)
class Mark:
    """Where a page ended: instant and id of its last row; the next page holds what is older."""

    at: datetime
    pk: int

    @classmethod
    def parse(cls, text: str) -> "Mark | None":
        """None for an empty or altered mark: the list starts at the newest row."""
        instant, _tilde, number = text.partition("~")
        try:
            at = parse_datetime(instant)
        except ValueError:
            return None
        if at is None or not timezone.is_aware(at) or not number.isdecimal() or len(number) > 18:
            return None
        return cls(at, int(number))

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.pk}"


def events_seen(access: Access) -> QuerySet[AuditEvent]:
    """The group's whole trail, or below the group that of the people in the access's units."""
    access.require(Capability.SEE_AUDIT)
    events: QuerySet[AuditEvent] = AuditEvent.objects.visible_to(access)
    units = access.units_for(Capability.SEE_AUDIT)
    if units.everything:
        return events
    actors = Assignment.objects.filter(unit__in=units.ids, staff__account__isnull=False)
    return events.filter(account_id__in=actors.values("staff__account"))


def _actions(text: str) -> Q:
    """Actions whose code starts with ``text`` or whose words, as the page shows them, hold it."""
    named = [code for code, words in ACTION_WORDS.items() if text.lower() in str(words).lower()]
    return Q(action__startswith=text) | Q(action__in=named)


def filtered(events: QuerySet[AuditEvent], form: TrailFilter) -> QuerySet[AuditEvent]:
    if not form.is_valid():
        return events.none()
    chosen = form.cleaned_data
    if chosen["of"] == "rows":
        events = events.filter(action__startswith=ROW_ACTIONS)
    elif not chosen["of"] and not chosen["action"].strip().startswith(ROW_ACTIONS):
        events = events.exclude(action__startswith=ROW_ACTIONS)
    if chosen["actor"]:
        events = events.filter(actor__startswith=actor_label(chosen["actor"].strip()))
    if chosen["action"]:
        events = events.filter(_actions(chosen["action"].strip()))
    if chosen["subject"]:
        events = events.filter(subject__startswith=chosen["subject"].strip())
    zone = timezone.get_current_timezone()
    if chosen["since"]:
        events = events.filter(at__gte=datetime.combine(chosen["since"], time.min, zone))
    if chosen["until"]:
        events = events.filter(at__lte=datetime.combine(chosen["until"], time.max, zone))
    return events


def _detail(event: AuditEvent) -> str:
    detail = dict(event.detail)
    changes = detail.pop("changes", None) or []
    parts = [f"{DETAIL_WORDS.get(key, key)}: {_plain(value)}" for key, value in detail.items()]
    rest = detail.get("rows", 0) - SHOWN_CHANGES
    more = [_("%(count)s more") % {"count": rest}] if changes and rest > 0 else []
    return "; ".join([*parts, *map(_change, changes[:SHOWN_CHANGES]), *more])


def _change(change: dict[str, Any]) -> str:
    """One row as the database describes it: ``#12 valid_to – → 2026-01-01``."""
    said = []
    for name, value in (change.get("values") or {}).items():
        if value == "":
            continue
        both = isinstance(value, list) and len(value) == 2
        said.append(f"{name} " + " → ".join(map(_plain, value if both else [value])))
    if hidden := change.get("not_shown"):
        said.append(f"{DETAIL_WORDS['not_shown']}: {', '.join(hidden)}")
    return f"#{change.get('id')} {', '.join(said)}".rstrip()


def _plain(value: Any) -> str:
    if value is None or value == [] or value == {}:
        return formats.NOT_KNOWN
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        # Counts that are nothing say nothing: a file's "updated 0" is left out.
        told = {key: inner for key, inner in value.items() if inner != 0}
        return ", ".join(f"{DETAIL_WORDS.get(k, k)} {_inner(v)}" for k, v in told.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _inner(value: Any) -> str:
    return f"({_plain(value)})" if isinstance(value, dict) else _plain(value)


COLUMNS = [
    Column("at", gettext_lazy("When"), format="instant"),
    Column(
        *("action", gettext_lazy("Action")),
        value=lambda e: ACTION_WORDS.get(e.action, e.action),
        help=gettext_lazy("Search by these words or by the code of the action"),
        wrap=True,
    ),
    Column("actor", gettext_lazy("Who"), value=lambda e: actor_words(e.actor), wrap=True),
    Column(
        *("subject", gettext_lazy("Subject")),
        value=lambda e: TABLE_WORDS.get(e.subject, e.subject),
        wrap=True,
    ),
    Column("detail", gettext_lazy("Detail"), value=_detail, wrap=True, hide_on_phone=True),
]


@require_safe
def audit(request: SignedInRequest) -> HttpResponse:
    access = request.access
    form = TrailFilter(request.GET)
    rows = filtered(events_seen(access), form).order_by("-at", "-pk")
    before = Mark.parse(request.GET.get("before", ""))
    if before:
        rows = rows.filter(Q(at__lt=before.at) | Q(at=before.at, pk__lt=before.pk))
    found = list(rows[: PAGE + 1])
    table = Table(COLUMNS, found[:PAGE], _("Audit trail"), empty=_("No event fits this filter"))
    kept = {k: v for k, v in request.GET.items() if k in form.fields and v}
    last = found[PAGE - 1] if len(found) > PAGE else None
    context = {
        "form": form,
        "table": table,
        "newest": f"?{urlencode(kept)}" if before else "",
        "older": f"?{urlencode({**kept, 'before': str(Mark(last.at, last.pk))})}" if last else "",
    }
    return render(request, "organization/audit.html", context)
