"""The map of pages, API and operational endpoints."""

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, include, path

from config.api.documents import Documents, Schema
from config.metrics import metrics
from config.operations import healthz, readyz

handler400 = "config.api.problems.bad_request"
handler403 = "config.api.problems.permission_denied"
handler404 = "config.api.problems.page_not_found"
handler500 = "config.api.problems.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", login_not_required(healthz)),
    path("readyz", login_not_required(readyz)),
    path("metrics", metrics),
    path("api/v1/", include("config.api.urls")),
    path("api/schema/", Schema.as_view(), name="schema"),
    path("api/docs/", Documents.as_view(), name="api_docs"),
    path("", include("organization.urls")),
    path("", include("customers.urls")),
    path("data/imports/", include("customers.importing.urls")),
    path("", include("customers.quality.urls")),
    path("", include("ml.urls")),
    path("", include("valuation.urls")),
    path("", include("web.urls")),
]
