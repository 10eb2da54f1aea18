"""Addresses of the import pages; ``config.urls`` mounts them at ``imports/``."""

from django.contrib.auth.decorators import login_required
from django.urls import path

from customers.importing import pages, profile_pages

urlpatterns = [
    path("", login_required(pages.imports), name="imports"),
    path("rules", login_required(profile_pages.rules), name="import_rules"),
    path("profiles/", login_required(profile_pages.profiles), name="import_profiles"),
    path("profiles/<int:pk>/", login_required(profile_pages.profile), name="import_profile"),
    path(
        "profiles/<int:pk>/delete",
        login_required(profile_pages.delete),
        name="import_profile_delete",
    ),
    path("<int:pk>/", login_required(pages.import_run), name="import_run"),
    path(
        "set-aside/<int:pk>/remove",
        login_required(pages.remove_delivery),
        name="import_remove_delivery",
    ),
    path("<int:pk>/progress", login_required(pages.import_progress), name="import_progress"),
    path("<int:pk>/load", login_required(pages.load_for_real), name="import_load"),
    path("<int:pk>/refusals.csv", login_required(pages.refusals_file), name="import_refusals"),
]
