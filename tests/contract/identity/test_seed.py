"""What identity holds in the sandbox, and says of itself in sandbox.json (design §7)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from deploy.sandbox.seeds.identity import seed
from identity.app import create_app
from identity.context import Identity, create_context
from shared.clock import FixedClock
from tests.factories.identity import Browser, QuickHasher, authorization, make_settings, sent_to_client
from tests.factories.identity_protocol import ASSERTION_TYPE


def test_the_sandbox_is_seeded_once_and_people_can_sign_in_everywhere(
    database: Callable[[str], str], clock: FixedClock, tmp_path: Path
) -> None:
    plan = Plan(tmp_path, Ports(8000), bytes(32))
    settings = make_settings(database("identity"), public_url=plan.urls.identity, issuer=plan.issuer, environment="sandbox")
    context = create_context(settings, clock=clock)
    context.__dict__["hasher"] = QuickHasher()
    part = seed(context, plan)
    assert seed(context, plan) == part
    assert part.keys() == {"base_url", "issuer", "clients", "citizens", "staff"}
    clients = part["clients"]
    assert isinstance(clients, dict)
    assert {"web", "public", "fapi2", "machine", "clave_unica"} <= clients.keys()
    assert clients["machine"].keys() == {"client_id", "private_jwk", "scopes"}
    app = create_app(context=context)
    for client in plan.clients:
        if not client.redirect_uris or client.policy == "fapi2":
            continue  # machines send nobody; FAPI 2 clients push first
        browser = Browser(app.test_client(), origin=plan.urls.identity)
        asked = authorization(client_id=client.client_id, redirect_uri=client.redirect_uris[0], scope="openid run name")
        browser.open("/openid/authorize", query_string=asked)
        answer = browser.log_in("11.111.111-1", plan.citizens[0].password)
        assert "code" in sent_to_client(answer), client.client_id
        assert answer.headers["Location"].startswith(client.redirect_uris[0] + "?")
    _fapi_client_pushes(app, clients["fapi2"], plan.issuer, context)
    context.close()


def _fapi_client_pushes(app: Flask, client: dict[str, Any], issuer: str, context: Identity) -> None:
    """What sandbox.json says of the FAPI 2 client is enough to push a request."""
    key = ECKey.import_key(client["private_jwk"])
    now = int(context.clock.now().timestamp())
    claims = {"iss": client["client_id"], "sub": client["client_id"], "aud": issuer, "iat": now, "exp": now + 60, "jti": "once"}
    form = authorization(client_id=client["client_id"], redirect_uri=client["redirect_uris"][0], scope="openid run name")
    form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)}
    assert app.test_client().post("/openid/par", data=form).status_code == 201
