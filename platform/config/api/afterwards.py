"""Work of a request that must not run inside the request's own transaction.

An import is many transactions, and its lock must not fall before they are committed. A view
therefore records what is to be done, answers with ``Afterwards``, and the work is done when the
middleware of access has committed.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class Afterwards(HttpResponse):
    """An answer that is replaced by what ``work`` returns; headers set on it are kept."""

    def __init__(self, work: Callable[[], HttpResponse]) -> None:
        super().__init__(status=202)
        self.work = work


class AfterTheTransaction:
    """Middleware, outside ``organization.middleware.AccessMiddleware``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        placeholder = self.get_response(request)
        if not isinstance(placeholder, Afterwards):
            return placeholder
        done = placeholder.work()
        for name, value in placeholder.items():
            done.headers.setdefault(name, value)
        done.cookies.update(placeholder.cookies)
        return done
