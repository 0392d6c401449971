"""A published client, unchanged, does the whole flow over HTTP."""

import threading
from collections.abc import Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

from identity.app import create_app
from identity.context import Identity, create_context
from shared.clock import SystemClock
from shared.ids import SystemIds
from tests.engines import Engines
from tests.factories.identity import (
    CALLBACK,
    SECRET,
    SIGNED_OUT,
    VERIFIER,
    Browser,
    QuickHasher,
    authorization,
    furnished_copy,
    make_settings,
)


class Quiet(WSGIRequestHandler):
    """Says nothing on the terminal."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the standard library gives it
        """Keep still."""


@pytest.fixture
def live(engines: Engines, run_folder: Path) -> Iterator[tuple[str, Identity]]:
    """An identity on a port of its own, by the system's clock."""
    with furnished_copy(engines, run_folder) as url:
        server = make_server("127.0.0.1", 0, lambda *_: [], handler_class=Quiet)
        origin = f"http://127.0.0.1:{server.server_port}"
        settings = make_settings(url, public_url=origin, issuer=origin + "/openid", environment="sandbox")
        context = create_context(settings, clock=SystemClock(), ids=SystemIds())
        context.__dict__["hasher"] = QuickHasher()
        server.set_app(create_app(context=context))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield origin, context
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            context.close()


@pytest.mark.rule("identity", "AZ-8", "CA-3", "TK-6", "UI-1", "LO-2", "DI-1")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_signs_a_person_in_and_out(live: tuple[str, Identity], method: str) -> None:
    origin, context = live
    with OAuth2Session(
        "web", SECRET, scope="openid profile run", redirect_uri=CALLBACK, token_endpoint_auth_method=method, code_challenge_method="S256"
    ) as client:
        document = client.get(f"{origin}/openid/.well-known/openid-configuration", withhold_token=True).json()
        url, state = client.create_authorization_url(document["authorization_endpoint"], code_verifier=VERIFIER, nonce="n")
        browser = Browser(create_app(context=context).test_client())
        browser.open(url.removeprefix(origin))
        back = browser.log_in().headers["Location"]
        token = client.fetch_token(document["token_endpoint"], authorization_response=back, state=state, code_verifier=VERIFIER)
        keys = KeySet.import_key_set(client.get(document["jwks_uri"], withhold_token=True).json())
        claims = jwt.decode(token["id_token"], keys, algorithms=["ES256"]).claims
        about = client.get(document["userinfo_endpoint"]).json()
    assert claims["iss"] == document["issuer"]
    assert claims["nonce"] == "n"
    assert about["sub"] == claims["sub"]
    assert about["given_name"] == "Camila Andrea"
    goodbye = {"id_token_hint": token["id_token"], "post_logout_redirect_uri": SIGNED_OUT}
    assert browser.open("/openid/end-session", query_string=goodbye).headers["Location"] == SIGNED_OUT
    assert "error=login_required" in browser.open("/openid/authorize", query_string=authorization(prompt="none")).headers["Location"]
