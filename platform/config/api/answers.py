"""What every answer of the API has: the language asked for, the rate left, an ETag."""

from hashlib import blake2b
from typing import Any

from django.http import HttpResponseBase, HttpResponseNotModified
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from config.api.authentication import PerCaller


class Answers:
    """Mix-in of API views, ahead of DRF's own class."""

    def get_throttles(self) -> list[BaseThrottle]:
        self.throttles: list[BaseThrottle] = super().get_throttles()  # type: ignore[misc]
        return self.throttles

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # A program asks in the language of whoever reads its log, not in its owner's.
        if "Accept-Language" in request.headers:
            translation.activate(translation.get_language_from_request(request._request))
        super().initial(request, *args, **kwargs)  # type: ignore[misc]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        done: Any = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        for throttle in getattr(self, "throttles", ()):
            if isinstance(throttle, PerCaller):
                for name, value in throttle.headers().items():
                    done[name] = value
        patch_vary_headers(done, ["Accept-Language", "Authorization"])
        done["Cache-Control"] = "private, no-cache"
        if isinstance(done, Response) and request.method in ("GET", "HEAD"):
            shown = request.headers.get("If-None-Match", "")
            done.add_post_render_callback(lambda rendered: _tagged(rendered, shown))
        return done


def _tagged(response: Response, shown: str) -> HttpResponseBase | None:
    """The answer with a weak ETag of its content, or 304 where the caller has that already.

    Of the content and not of a version of the data: masking, sharing and merges change what is
    shown without changing the row, and a hash of a page costs a thousandth of reading it.
    """
    if response.status_code != 200:
        return None
    tag = f'W/"{blake2b(response.content, digest_size=16).hexdigest()}"'
    response["ETag"] = tag
    # Weak comparison: a proxy that compresses may strip or add the mark of weakness.
    known = {one.removeprefix("W/") for one in parse_etags(shown)} if shown else set()
    if "*" not in known and tag.removeprefix("W/") not in known:
        return None
    unchanged = HttpResponseNotModified()
    for name, value in response.items():
        if name not in ("Content-Type", "Content-Length"):
            unchanged[name] = value
    return unchanged
