"""The shell with a style guide and with pages that fail in each way."""

from typing import NoReturn

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.views.i18n import set_language

from web import views
from web.styleguide import styleguide, styleguide_progress

handler400 = "web.views.bad_request"
handler403 = "web.views.permission_denied"
handler404 = "web.views.page_not_found"
handler500 = "web.views.server_error"


def failing(error: Exception):
    def view(request: HttpRequest) -> NoReturn:
        raise error

    return view


urlpatterns = [
    path("theme", views.theme, name="theme"),
    path("language", set_language, name="set_language"),
    path("styleguide", styleguide, name="styleguide"),
    path("styleguide/progress", styleguide_progress, name="styleguide_progress"),
    path("fails/400", failing(SuspiciousOperation("secret"))),
    path("fails/403", failing(PermissionDenied("Only the CFO approves values."))),
    path("fails/404", failing(Http404("No valuation of 2026-11."))),
    path("fails/413", failing(RequestDataTooBig("secret"))),
    path("fails/redirect", lambda request: HttpResponseRedirect("/signin-page")),
    path("signin-page", lambda request: HttpResponse("signed out")),
    path("fails/500", failing(RuntimeError("secret"))),
]
