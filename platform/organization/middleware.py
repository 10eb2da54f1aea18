"""Every request of a signed-in person runs in one transaction, inside that person's access."""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from organization.access import Access, Forbidden, entered
from organization.models import Tenant
from organization.roles import access_of


class AccessMiddleware:
    """Sets ``request.access`` and ``request.tenant``; rolls back when the answer is an error."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        account = request.user
        if not account.is_authenticated:
            request.access = None
            return self.get_response(request)
        with entered(Access(tenant_id=account.tenant_id, label=account.login)):
            request.tenant = Tenant.objects.get(pk=account.tenant_id)
            access = access_of(account, timezone.localdate())
            if account.language:
                translation.activate(account.language)
                request.LANGUAGE_CODE = account.language
            with entered(access):
                request.access = access
                response = self.get_response(request)
            if response.status_code >= 500 or getattr(request, "failed", False):
                transaction.set_rollback(True)
            return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        request.failed = True
        if isinstance(exception, Forbidden):
            raise PermissionDenied(str(exception)) from exception
