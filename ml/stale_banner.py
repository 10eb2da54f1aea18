"""The banner that says since when and why scores are old.

It stands on every page of customers, models and values, in the place of the product's banners, from
the moment a run fails or is held back until the next one is published.
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from ml.freshness import in_words, standing
from organization.access import Access, Capability
from web.shell import Banner


class Banners:
    """The banners of one request; asks the database when a page is drawn, not before."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def __iter__(self) -> Iterator[Banner]:
        words = in_words(standing(self._access))
        if words:
            link = self._access.may(Capability.SEE_MODELS)
            yield Banner(
                words,
                "warn",
                reverse("models") if link else "",
                _("Models and runs") if link else "",
            )


# Pages of these packages show no score.
WITHOUT_SCORES = (
    *("organization.", "web.", "config."),
    *("customers.importing.", "customers.privacy.", "customers.quality."),
)


class ScoreFreshness:
    """Middleware: gives pages that show scores the banner of :func:`ml.freshness.in_words`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        access = getattr(request, "access", None)
        part = request.headers.get("HX-Request") == "true"
        if access is not None and not part and not view.__module__.startswith(WITHOUT_SCORES):
            request.banners = Banners(access)  # type: ignore[attr-defined]
