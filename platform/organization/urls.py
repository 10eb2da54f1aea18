"""Addresses of sign-in, language, people, organization tree and audit trail."""

from django.urls import URLPattern, path

from organization import (
    account_page,
    grant_pages,
    oidc,
    people,
    person_signin,
    second_step,
    sessions,
    switching,
    token_pages,
    trail,
    tree,
)

urlpatterns: list[URLPattern] = [
    path("sign-in", sessions.SignIn.as_view(), name="signin"),
    path("sign-out", sessions.SignOut.as_view(), name="signout"),
    path("view", switching.switch_view, name="switch_view"),
    path("sign-in/code", second_step.second_step, name="second_step"),
    path("sign-in/code.svg", second_step.qr_code, name="second_factor_qr"),
    path("sign-in/oidc", oidc.start, name="oidc_start"),
    path("sign-in/oidc/return", oidc.come_back, name="oidc_return"),
    path(
        "sign-in/password/<uidb64>/<token>",
        person_signin.SetPassword.as_view(),
        name="set_password",
    ),
    path("account/", account_page.account, name="account"),
    path("account/password", account_page.change_password, name="change_password"),
    path("account/second-factor", second_step.second_factor, name="second_factor"),
    path("account/sessions/end", account_page.end_session, name="end_session"),
    path("account/tokens", token_pages.tokens, name="tokens"),
    path("account/tokens/revoke", token_pages.revoke_token, name="revoke_token"),
    path("language", sessions.language, name="set_language"),
    path("people/", people.people, name="people"),
    path("people/<int:pk>/", people.person, name="person"),
    path("people/<int:pk>/sign-in", person_signin.person_signin, name="person_signin"),
    path(
        "people/<int:pk>/sign-in/change",
        person_signin.change_person_signin,
        name="change_person_signin",
    ),
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
