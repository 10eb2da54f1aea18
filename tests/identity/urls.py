"""The pages under test, with stand-ins for the pages of other areas that they lead to."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

handler403 = "web.views.permission_denied"
handler404 = "web.views.page_not_found"


def elsewhere(request: HttpRequest) -> HttpResponse:
    return HttpResponse("elsewhere")


urlpatterns = [
    path("", include("web.urls")),
    path("", include("customers.urls")),
    path("value/", elsewhere, name="valuation_dashboard"),
    path("imports/", elsewhere, name="imports"),
    path("people/", elsewhere, name="people"),
    path("signin", elsewhere, name="signin"),
]
