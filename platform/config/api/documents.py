"""The OpenAPI document and its reader. Both describe the product and hold nobody's data."""

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny


class BrowserSessionScheme(SessionScheme):
    target_class = "config.api.authentication.BrowserSession"


class Schema(SpectacularAPIView):
    permission_classes = (AllowAny,)


class Documents(SpectacularSwaggerSplitView):
    """Swagger UI from the sidecar wheel; its script is a request of its own, as the CSP wants."""

    permission_classes = (AllowAny,)
    template_name = "config/swagger_ui.html"
