"""Who asks, whether the role and the token include what is asked for, and how often."""

from typing import TYPE_CHECKING, Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from organization.access import Access
from organization.models import Account, ApiToken
from organization.tokens import NOT_VALID

if TYPE_CHECKING:  # rest_framework.views loads this module while it is loaded itself
    from rest_framework.views import APIView


class Token(BaseAuthentication):
    """``Authorization: Bearer parc_…``. The middleware has looked the token up and entered its
    owner's access; here an invalid one is refused, and never falls back to a session."""

    def authenticate(self, request: Request) -> tuple[Account, ApiToken] | None:
        shown = getattr(request._request, "bearer", None)
        if shown is None:
            return None
        if shown.found is None:
            raise AuthenticationFailed(NOT_VALID)
        return shown.found.account, shown.found

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Parcfolio"'


class BrowserSession(SessionAuthentication):
    """The session of the pages. Signed out, the answer is 401 rather than DRF's 403."""

    def authenticate_header(self, request: Request) -> str:
        return 'Session realm="Parcfolio"'


class MayRead(BasePermission):
    """Signed in, and the access carries the view's ``capability``, where it names one.

    ``everywhere``: on the whole group. A token changes something only if its scope says so.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        access: Access | None = getattr(request, "access", None)
        if access is None:
            return False
        token = request.auth
        if (
            isinstance(token, ApiToken)
            and request.method not in SAFE_METHODS
            and token.scope != ApiToken.Scope.WRITE
        ):
            return False
        capability = getattr(view, "capability", None)
        if capability is not None and getattr(view, "everywhere", False):
            access.require_everywhere(capability)
        elif capability is not None:
            access.require(capability)
        return True


class PerCaller(SimpleRateThrottle):
    """So many requests a minute for each token, and for each person by session."""

    scope = "caller"
    num_requests: int
    duration: int

    def headers(self) -> dict[str, str]:
        """How many requests are allowed and left, and in how many seconds the first comes back."""
        history = getattr(self, "history", None)
        if history is None:  # nobody was counted
            return {}
        oldest = history[-1] if history else self.now
        return {
            "RateLimit-Limit": str(self.num_requests),
            "RateLimit-Remaining": str(max(self.num_requests - len(history), 0)),
            "RateLimit-Reset": str(max(int(oldest + self.duration - self.now), 0)),
        }

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        if isinstance(request.auth, ApiToken):
            return f"api:token:{request.auth.pk}"
        account: Any = request.user
        return f"api:account:{account.pk}" if isinstance(account, Account) else None
