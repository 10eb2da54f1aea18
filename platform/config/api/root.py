"""``/api/v1/``: what there is, so that a program can start from one address."""

from typing import Any

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.answers import Answers
from customers.importing.kinds import KINDS


class Root(Answers, APIView):
    """Addresses of the resources and of rows in. What of them one may ask for, the role decides."""

    http_method_names = ["get", "head", "options"]
    resources: tuple[str, ...] = ()

    @extend_schema(
        summary="Addresses of everything below /api/v1/",
        description="`resources` and `bulk` by name, and the `schema`.",
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        def at(name: str) -> str:
            return str(request.build_absolute_uri(reverse(name)))

        found: dict[str, Any] = {
            "resources": {name: at(f"api_{name}-list") for name in self.resources},
            "bulk": {kind: at(f"api_bulk_{kind}") for kind in KINDS},
            "schema": at("schema"),
        }
        return Response(found)
