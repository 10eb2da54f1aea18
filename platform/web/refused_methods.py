"""An address that takes only forms, opened as a page: words instead of an empty answer.

That happens when the page after a form is reloaded by its address: another language, a bookmark.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import render


class RefusedMethods:
    """Middleware: gives Django's empty 405 a body for people; other answers pass unchanged."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed) or response.content:
            return response
        answer = render(request, "405.html", status=405)
        answer.headers["Allow"] = response.headers["Allow"]
        return answer
