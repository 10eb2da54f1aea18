"""What every answer tells the browser beside its content: keep nothing, use no device."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

# The pages need none of these; a script that got in would not reach them either.
_DEVICES = (
    *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "microphone"),
    *("midi", "payment", "publickey-credentials-get", "serial", "usb"),
)
PERMISSIONS = ", ".join(f"{device}=()" for device in _DEVICES)


class ResponseHeaders:
    """Middleware: ``Permissions-Policy`` always; ``Cache-Control`` where the view set none.

    Nearly every page holds somebody's data, and a shared computer in a store keeps what it may.
    Static files are answered before this and stay cacheable.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers["Permissions-Policy"] = PERMISSIONS
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response
