"""Addresses of sign-in, language, people, organization tree and audit trail."""

from django.urls import URLPattern, path

from organization import grant_pages, people, sessions, switching, trail, tree

urlpatterns: list[URLPattern] = [
    path("sign-in", sessions.SignIn.as_view(), name="signin"),
    path("sign-out", sessions.SignOut.as_view(), name="signout"),
    path("view", switching.switch_view, name="switch_view"),
    path("language", sessions.language, name="set_language"),
    path("people/", people.people, name="people"),
    path("people/<int:pk>/", people.person, name="person"),
    path("people/<int:pk>/account", people.set_account, name="set_account"),
    path(
        "people/<int:pk>/assignments/<int:assignment_pk>/end",
        people.end_assignment,
        name="end_assignment",
    ),
    path("organization/", tree.units, name="units"),
    path("grants/", grant_pages.special_grants, name="special_grants"),
    path("grants/<int:pk>/approve", grant_pages.approve_grant, name="approve_grant"),
    path("grants/<int:pk>/revoke", grant_pages.revoke_grant, name="revoke_grant"),
    path("audit/", trail.audit, name="audit"),
]
