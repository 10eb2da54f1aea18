"""What every page shows around its content: navigation, theme, language, banners, whose eyes.

Nothing here knows the business. Middleware of the higher apps puts on the request
``navigation`` (list of :class:`NavEntry`), ``banners`` (list of :class:`Banner`), ``access_label``
(whose eyes the page is seen through), ``views`` (list of :class:`Choice`: other eyes to look
through), ``account_label`` (who is signed in) and ``search`` (:class:`Search`); each may be absent.
"""

from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

Text = str | Promise
Tone = Literal["neutral", "accent", "good", "warn", "bad"]

THEME_COOKIE = "theme"
THEMES: dict[str, Text] = {
    "auto": _("As the device"),
    "light": _("Light"),
    "dark": _("Dark"),
}
# A language is always named in itself, so that a reader who is lost finds the way back.
LANGUAGE_NAMES = {"zh-hans": "简体中文", "en": "English"}


@dataclass(frozen=True)
class NavEntry:
    """One line of the side navigation; give ``url_name`` or ``href``.

    ``active_prefix`` is the path under which the entry is marked as current (default: its own
    address); of several that fit, the longest wins. Entries of one ``section`` stand together.
    """

    label: Text
    url_name: str = ""
    icon: str = "dot"
    active_prefix: str = ""
    href: str = ""
    section: Text = ""
    count: int | None = None

    @property
    def address(self) -> str:
        return self.href or reverse(self.url_name)


@dataclass(frozen=True)
class Banner:
    """A line above the page that stays until its cause is gone."""

    text: Text
    tone: Tone = "accent"
    href: str = ""
    link_label: Text = ""


@dataclass(frozen=True)
class Search:
    """The search box of the top bar; ``/`` moves the focus there."""

    href: str
    placeholder: Text
    parameter: str = "q"


@dataclass(frozen=True)
class Choice:
    """One of several, one of which is chosen."""

    value: str
    label: Text
    chosen: bool


@dataclass(frozen=True)
class NavLink:
    label: Text
    href: str
    icon: str
    section: Text
    count: int | None
    current: bool


def theme_of(request: HttpRequest) -> str:
    """The theme chosen on this device; an unknown cookie value counts as no choice."""
    chosen = request.COOKIES.get(THEME_COOKIE, "auto")
    return chosen if chosen in THEMES else "auto"


def nav_links(entries: list[NavEntry], path: str) -> list[NavLink]:
    """Resolve addresses and mark the one entry whose prefix fits ``path`` best."""
    prefixes = [entry.active_prefix or entry.address for entry in entries]
    # The start page is under every path: it is current on its own address only.
    fitting = [p for p in prefixes if path == p or (p != "/" and path.startswith(p))]
    best = max(fitting, key=len, default=None)
    return [
        NavLink(e.label, e.address, e.icon, e.section, e.count, prefix == best)
        for e, prefix in zip(entries, prefixes, strict=True)
    ]


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the variable ``shell`` for base templates."""
    return {
        "shell": {
            "product": getattr(settings, "PRODUCT_NAME", "Parcfolio"),
            "navigation": nav_links(list(getattr(request, "navigation", ())), request.path),
            "banners": list(getattr(request, "banners", ())),
            "access_label": getattr(request, "access_label", ""),
            "views": list(getattr(request, "views", ())),
            "account_label": getattr(request, "account_label", ""),
            "search": getattr(request, "search", None),
            "theme": theme_of(request),
            "themes": THEMES,
            "language": get_language() or settings.LANGUAGE_CODE,
            "languages": [
                (code, LANGUAGE_NAMES.get(code, str(n))) for code, n in settings.LANGUAGES
            ],
            "here": request.get_full_path(),
        }
    }
