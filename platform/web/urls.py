"""Addresses of the shell. The style guide exists only while developing and testing."""

import environ
from django.conf import settings
from django.urls import URLPattern, path
from django.views.i18n import set_language

from web import views

urlpatterns: list[URLPattern] = [
    path("theme", views.theme, name="theme"),
    path("language", set_language, name="set_language"),
]

if settings.DEBUG or environ.Env().bool("PARCFOLIO_TEST", default=False):
    from web.styleguide import styleguide, styleguide_progress

    urlpatterns += [
        path("styleguide", styleguide, name="styleguide"),
        path("styleguide/progress", styleguide_progress, name="styleguide_progress"),
    ]
