"""What no address and no form may hold: PostgreSQL's text has no NUL, and nobody types one."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase, QueryDict

NUL = "\0"


class NulRefused:
    """Middleware: 400 for a NUL in the path, the query or a form, before any view sees it.

    Behind it stands one rule for every page; each view would have to remember it otherwise.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> None:
        if NUL in request.path_info or _holds(request.GET) or _holds(request.POST):
            raise BadRequest("A NUL character was sent.")


def _holds(fields: QueryDict) -> bool:
    return any(NUL in text for name, texts in fields.lists() for text in (name, *texts))
