"""Every error of the API in one shape (RFC 9457): what is wrong, where, and what to do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from organization.middleware import API_PATHS
from web import views

MEDIA_TYPE = "application/problem+json"
Where = dict[str, Any]

# By status: what is wrong in general, and what the caller can do about it.
WORDS: dict[int, tuple[Promise, Promise]] = {
    400: (
        gettext_lazy("The request cannot be read as it was sent"),
        gettext_lazy("Correct what “errors” names and send the request again."),
    ),
    401: (
        gettext_lazy("You are not signed in"),
        gettext_lazy("Send a valid token: Authorization: Bearer parc_…"),
    ),
    403: (
        gettext_lazy("Your role or token does not include this"),
        gettext_lazy("Ask your administrator for the role, or make a token of the scope needed."),
    ),
    404: (
        gettext_lazy("There is no such thing here, or it is not yours"),
        gettext_lazy("Check the address, and what your role and token cover."),
    ),
    405: (
        gettext_lazy("This address does not take that method"),
        gettext_lazy("The header Allow lists the methods."),
    ),
    406: (
        gettext_lazy("The answer cannot be given in that form"),
        gettext_lazy("Ask for application/json."),
    ),
    409: (
        gettext_lazy("The same is being worked on already"),
        gettext_lazy("Wait a moment, then send the same request again."),
    ),
    411: (
        gettext_lazy("The length of the body is not declared"),
        gettext_lazy("Send Content-Length."),
    ),
    413: (
        gettext_lazy("The request is too large"),
        gettext_lazy("Send the rows in several requests."),
    ),
    415: (
        gettext_lazy("That content type is not taken"),
        gettext_lazy("Send application/x-ndjson or application/json in UTF-8."),
    ),
    422: (
        gettext_lazy("The request was understood and cannot be carried out"),
        gettext_lazy("Correct what “errors” names and send the request again."),
    ),
    429: (
        gettext_lazy("Too many requests"),
        gettext_lazy("Wait as many seconds as Retry-After says."),
    ),
    500: (
        gettext_lazy("A defect of the product stopped this"),
        gettext_lazy(
            "Send it again with the same Idempotency-Key; tell your operator if it stays."
        ),
    ),
}


class Refused(exceptions.APIException):
    """A request that is refused: a code for programs, words for people, and the places."""

    def __init__(
        self, status: int, code: str, detail: str, where: Sequence[Where] = (), **more: Any
    ) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.where = list(where)
        self.more = more


def body_of(
    status: int, code: str, detail: str, errors: Sequence[Where] = (), **more: Any
) -> dict[str, Any]:
    """``title`` is what is wrong, ``detail`` exactly, ``errors`` where, ``advice`` what to do."""
    title, advice = WORDS.get(status, WORDS[400 if status < 500 else 500])
    return {
        "type": f"urn:parcfolio:problem:{code}",
        "title": str(title),
        "status": status,
        "code": code,
        "detail": detail,
        "errors": list(errors),
        "advice": str(advice),
        **more,
    }


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's ``EXCEPTION_HANDLER``; None for what is no refusal but a defect."""
    answer = exception_handler(error, context)
    if answer is None:
        return None
    answer.data = _problem(error, answer)
    answer.content_type = MEDIA_TYPE
    return answer


def _problem(error: Exception, answer: Response) -> dict[str, Any]:
    status = answer.status_code
    if isinstance(error, Refused):
        return body_of(status, str(error.get_codes()), str(error.detail), error.where, **error.more)
    if isinstance(error, exceptions.ValidationError):
        errors = list(_parameters(error.detail))
        return body_of(status, "bad_parameter", _("A parameter is wrong."), errors)
    if isinstance(error, Http404):
        return body_of(status, "not_found", _("Not found."))
    if isinstance(error, exceptions.APIException):
        return body_of(status, str(error.get_codes()), str(error.detail))
    return body_of(status, "forbidden", str(error) or str(WORDS[403][0]))


def _parameters(detail: Any) -> Iterator[Where]:
    named: Mapping[str, Any] = detail if isinstance(detail, Mapping) else {"": detail}
    for name, messages in named.items():
        for message in messages if isinstance(messages, list) else [messages]:
            yield {
                "where": f"query.{name}" if name else "query",
                "code": getattr(message, "code", "invalid"),
                "message": str(message),
            }


def answer(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JsonResponse:
    """A problem outside DRF: after the request, or for an address that no view has."""
    return JsonResponse(
        body_of(status, code, detail, **more),
        status=status,
        headers=dict(headers or {}),
        content_type=MEDIA_TYPE,
        json_dumps_params={"ensure_ascii": False},
    )


def _of_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(API_PATHS)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _of_api(request):
        return answer(400, "bad_request", _("The address or the body cannot be read."))
    return views.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _of_api(request):
        return answer(403, "forbidden", str(exception) or str(WORDS[403][0]))
    return views.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _of_api(request):
        return answer(404, "not_found", _("Not found."))
    return views.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if _of_api(request):
        return answer(500, "defect", _("The request was stopped; nothing of it is half done."))
    return views.server_error(request)
