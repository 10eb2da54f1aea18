"""Looking through one of several assignments, or through all of them together."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from organization.audit import record
from organization.requests import SignedInRequest

# The session's key of the assignment chosen; absent: all of them together.
VIEW_KEY = "view"


@require_POST
def switch_view(request: SignedInRequest) -> HttpResponse:
    """Keep the choice in the session and start anew: the page that was open may be out of sight."""
    chosen = request.POST.get("view", "")
    if chosen not in {view.value for view in request.views}:
        return HttpResponseBadRequest(_("This assignment is not one of yours, or it has ended."))
    if chosen:
        request.session[VIEW_KEY] = int(chosen)
    else:
        request.session.pop(VIEW_KEY, None)
    record(request.access, "view_switched", request.access.label, assignment=chosen or None)
    return redirect("/")


def view_of(request: HttpRequest) -> int | None:
    """The assignment chosen in this session."""
    chosen = request.session.get(VIEW_KEY)
    return chosen if isinstance(chosen, int) else None
