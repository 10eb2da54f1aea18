"""Addresses of the shell. The style guide exists only while developing and testing."""

import environ
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, path
from django.views.i18n import set_language

from web import views

urlpatterns: list[URLPattern] = [
    path("theme", login_not_required(views.theme), name="theme"),
    path("language", login_not_required(set_language), name="set_language"),
]

if settings.DEBUG or environ.Env().bool("PARCFOLIO_TEST", default=False):
    from web.styleguide import styleguide, styleguide_progress

    urlpatterns += [
        path("styleguide", login_not_required(styleguide), name="styleguide"),
        path(
            "styleguide/progress",
            login_not_required(styleguide_progress),
            name="styleguide_progress",
        ),
    ]
