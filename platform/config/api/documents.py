"""The OpenAPI document and its reader. Both describe the product and hold nobody's data."""

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from config.api import serializers
from config.api.bulk_schema import PROBLEM


def mark_gated_fields(result: dict[str, Any], **unused: Any) -> dict[str, Any]:
    """Hook of drf-spectacular: fields that only some roles get are not promised to all."""
    for resource in serializers.Resource.__subclasses__():
        component = result["components"]["schemas"].get(resource.__name__)
        for name in resource.gated if component else ():
            component["required"].remove(name)
            component["properties"][name]["description"] = (
                f"Only for roles that may {resource.gated[name].replace('_', ' ')}."
            )
    return result


def add_problems(result: dict[str, Any], **unused: Any) -> dict[str, Any]:
    """Hook of drf-spectacular: whatever else an operation answers has the one shape of errors."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    shape = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for item in result["paths"].values():
        for operation in item.values():
            operation["responses"].setdefault(
                "default",
                {"description": "refused", "content": {"application/problem+json": shape}},
            )
    return result


class BrowserSessionScheme(SessionScheme):
    target_class = "config.api.authentication.BrowserSession"


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "config.api.authentication.Token"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token of the account page."}


class Schema(SpectacularAPIView):
    permission_classes = (AllowAny,)


class Documents(SpectacularSwaggerSplitView):
    """Swagger UI from the sidecar wheel; its script is a request of its own, as the CSP wants."""

    permission_classes = (AllowAny,)
    template_name = "config/swagger_ui.html"
