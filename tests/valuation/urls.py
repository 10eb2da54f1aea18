"""The pages under test with the pages of other areas that they lead to."""

from django.urls import include, path

from tests.customers.urls import elsewhere

handler403 = "web.views.permission_denied"
handler404 = "web.views.page_not_found"

urlpatterns = [
    path("", include("valuation.urls")),
    path("", include("web.urls")),
    path("", include("customers.urls")),
    path("signin", elsewhere, name="signin"),
]
