"""Signing in with an identity provider, against one that runs on this machine's loopback."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from joserfc import jwt
from joserfc.jwk import RSAKey

from organization.access import entered
from organization.models import Account, AuditEvent

CLIENT, SECRET = "parcfolio", "a-shared-secret"


@dataclass
class Provider:
    """Answers like an OpenID provider; ``claims`` and ``key`` are what a test bends."""

    address: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    published: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    key: RSAKey | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def agree(self, to: str) -> str:
        """The person signs in there: the address that the browser is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(to).query).items()}
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def token(self, form: dict[str, list[str]], authorization: str) -> dict[str, Any] | None:
        asked = self.codes.pop(form["code"][0], None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        challenge = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        proof = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        if asked is None or authorization != f"Basic {basic}" or proof != asked["code_challenge"]:
            return None
        now = int(time.time())
        claims = {
            **{"iss": self.address, "aud": CLIENT, "sub": "42", "nonce": asked["nonce"]},
            **{"iat": now, "exp": now + 300},
            **self.claims,
        }
        signed = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.key or self.published)
        return {"access_token": "x", "token_type": "Bearer", "id_token": signed}


@pytest.fixture
def provider(settings) -> Iterator[Provider]:
    served = Provider()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            """The test's output stays its own."""

        def answer(self, status: int, body: Any) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            if self.path == "/keys":
                self.answer(200, {"keys": [served.published.as_dict(private=False)]})
            else:
                self.answer(200, served.metadata())

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            found = served.token(form, self.headers.get("Authorization", ""))
            self.answer(200 if found else 400, found or {"error": "invalid_grant"})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = served.address, CLIENT
    settings.OIDC_CLIENT_SECRET, settings.OIDC_GROUP = SECRET, "xq"
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture
def client() -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    return client


def go(client: Client, to: str = "/organization/") -> str:
    """The address of the provider that the browser is sent to."""
    return client.get("/sign-in/oidc", {"next": to})["Location"]


def sign_in(client: Client, provider: Provider, **claims: Any) -> Any:
    provider.claims = {"preferred_username": "advisor", **claims}
    return client.get(provider.agree(go(client)))


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_an_identity_with_an_account_signs_in(group, client, provider) -> None:
    assert sign_in(client, provider)["Location"] == "/organization/"
    assert client.session["_auth_user_id"] == str(group.accounts["advisor"].pk)
    with entered(group.system):
        assert AuditEvent.objects.get(action="signin").detail["by"] == "oidc"


def test_the_sign_in_page_offers_it(db: None, client, provider, settings) -> None:
    settings.OIDC_LABEL = "the dealer group"
    page = client.get("/sign-in").content.decode()
    assert "Sign in with the dealer group" in page
    assert 'name="password"' in page
    settings.OIDC_ONLY = True
    assert 'name="password"' not in client.get("/sign-in").content.decode()


def test_with_the_provider_alone_passwords_open_nothing(group, client, provider, settings) -> None:
    settings.OIDC_ONLY = True
    account = group.accounts["advisor"]
    account.set_password("correct horse battery")
    account.save()
    data = {"username": "advisor", "password": "correct horse battery"}
    assert client.post("/sign-in", data).status_code == 400
    assert not signed_in(client)


@pytest.mark.parametrize("name", ["nobody", "", None, 7, ["advisor"]])
def test_an_identity_without_an_account_makes_none(group, client, provider, name) -> None:
    before = Account.objects.count()
    assert sign_in(client, provider, preferred_username=name)["Location"] == "/sign-in"
    assert Account.objects.count() == before


def test_an_identity_does_not_choose_its_group(group, other_group, client, provider) -> None:
    """With OIDC_GROUP, what stands behind the @ of a claim says nothing."""
    sign_in(client, provider, preferred_username="advisor@yh")
    assert client.session["_auth_user_id"] == str(group.accounts["advisor"].pk)


def test_a_closed_account_stays_closed(group, client, provider) -> None:
    Account.objects.filter(pk=group.accounts["advisor"].pk).update(is_active=False)
    assert sign_in(client, provider)["Location"] == "/sign-in"
    assert not signed_in(client)


@pytest.mark.parametrize("verified", [True, False, None, "true"])
def test_an_email_counts_when_the_provider_verified_it(
    group, client, provider, settings, verified
) -> None:
    settings.OIDC_CLAIM = "email"
    sign_in(client, provider, email="advisor@dealer.example", email_verified=verified)
    assert signed_in(client) is (verified is True)


def test_a_demanding_role_still_needs_a_second_factor(group, client, provider) -> None:
    answer = sign_in(client, provider, preferred_username="ceo")
    assert answer["Location"] == "/sign-in/code"
    assert not signed_in(client)


def test_one_that_the_provider_vouches_for_is_enough(group, client, provider) -> None:
    sign_in(client, provider, preferred_username="ceo", amr=["pwd", "mfa"])
    assert client.get("/organization/").status_code == 403  # signed in; the role has no such page
    assert client.get("/audit/").status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"nonce": "replayed"},
        {"exp": 1_000_000_000, "iat": 999_999_000},
    ],
    ids=["issuer", "audience", "nonce", "expired"],
)
def test_a_token_that_was_not_made_for_this_sign_in_is_refused(
    group, client, provider, claims: dict[str, Any]
) -> None:
    assert sign_in(client, provider, **claims)["Location"] == "/sign-in"
    assert not signed_in(client)


def test_a_token_signed_by_another_key_is_refused(group, client, provider) -> None:
    provider.key = RSAKey.generate_key(2048, {"kid": "k1"})
    assert sign_in(client, provider)["Location"] == "/sign-in"
    assert not signed_in(client)


def test_an_answer_to_another_browser_is_refused(group, client, provider) -> None:
    """Login CSRF: an attacker's own answer, opened in the victim's browser."""
    provider.claims = {"preferred_username": "advisor"}
    answer = provider.agree(go(Client()))
    assert client.get(answer)["Location"] == "/sign-in"
    assert not signed_in(client)


def test_an_answer_is_good_once(group, client, provider) -> None:
    provider.claims = {"preferred_username": "advisor"}
    answer = provider.agree(go(client))
    client.get(answer)
    client.post("/sign-out")
    assert client.get(answer)["Location"] == "/sign-in"
    assert not signed_in(client)


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_next_leads_nowhere_else(group, client, provider, where: str) -> None:
    provider.claims = {"preferred_username": "advisor"}
    assert client.get(provider.agree(go(client, where)))["Location"] == "/"


def test_a_refusal_there_is_told_here(db: None, client, provider) -> None:
    go(client)
    answer = client.get("/sign-in/oidc/return?error=access_denied", follow=True)
    assert "did not confirm who you are" in answer.content.decode()


def test_a_provider_that_is_away_is_told(db: None, client, settings) -> None:
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = "http://127.0.0.1:9", CLIENT
    answer = client.get("/sign-in/oidc", follow=True)
    assert "does not answer" in answer.content.decode()


def test_without_settings_there_is_no_such_page(db: None, client) -> None:
    assert client.get("/sign-in/oidc").status_code == 404
    assert client.get("/sign-in/oidc/return").status_code == 404
