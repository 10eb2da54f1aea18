"""Who asks, and whether the role includes what is asked for."""

from typing import TYPE_CHECKING

from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from organization.access import Access

if TYPE_CHECKING:  # rest_framework.views loads this module while it is loaded itself
    from rest_framework.views import APIView


class BrowserSession(SessionAuthentication):
    """The session of the pages. Signed out, the answer is 401 rather than DRF's 403."""

    def authenticate_header(self, request: Request) -> str:
        return 'Session realm="Parcfolio"'


class MayRead(BasePermission):
    """Signed in, and the access carries the view's ``capability``, where it names one."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        access: Access | None = getattr(request, "access", None)
        if access is None:
            return False
        capability = getattr(view, "capability", None)
        if capability is not None:
            access.require(capability)
        return True
