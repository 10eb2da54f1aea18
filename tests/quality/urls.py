"""The data-quality pages, with stand-ins for the pages that they lead to."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

handler403 = "web.views.permission_denied"
handler404 = "web.views.page_not_found"


def elsewhere(request: HttpRequest) -> HttpResponse:
    return HttpResponse("elsewhere")


urlpatterns = [
    path("", include("web.urls")),
    path("", include("customers.quality.urls")),
    path("signin", elsewhere, name="signin"),
]
