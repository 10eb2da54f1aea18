"""What the component tags of ``web.templatetags.ui`` take: small frozen records, no behaviour."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from web.shell import Text, Tone


@dataclass(frozen=True)
class Lineage:
    """What stands behind a figure: formula, rows, model version, as-of date.

    ``details`` are further (label, value) pairs, e.g. the assumption set.
    """

    formula: Text
    rows: Text = ""
    rows_href: str = ""
    as_of: dt.date | None = None
    model_version: str = ""
    details: Sequence[tuple[Text, Any]] = ()


@dataclass(frozen=True)
class TimelineEntry:
    when: dt.date | dt.datetime
    title: Text
    body: Text = ""
    icon: str = "dot"
    tone: Tone = "neutral"
    href: str = ""
    badge: Text = ""
    figure: Text = ""


@dataclass(frozen=True)
class Tab:
    label: Text
    href: str
    current: bool = False
    count: int | None = None


@dataclass(frozen=True)
class Badge:
    text: Text
    tone: Tone = "neutral"
    icon: str = ""
    title: Text = ""


@dataclass(frozen=True)
class Progress:
    """State of long work. ``url`` answers with the same component and is asked every two seconds
    until ``state`` is ``done`` or ``failed``. ``value`` of ``total``; no total: not known yet.
    """

    label: Text
    url: str
    state: str = "running"
    value: int = 0
    total: int | None = None
    detail: Text = ""
    href: str = ""
    link_label: Text = ""

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def share(self) -> float | None:
        return min(self.value / self.total, 1.0) if self.total else None
