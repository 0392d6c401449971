"""What identity holds in the sandbox, and says of itself in sandbox.json (design §7)."""

from collections.abc import Callable
from pathlib import Path

from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from deploy.sandbox.seeds.identity import seed
from identity.app import create_app
from identity.context import create_context
from shared.clock import FixedClock
from tests.factories.identity import Browser, QuickHasher, authorization, make_settings, sent_to_client


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
    assert {"web", "public", "machine", "clave_unica"} <= clients.keys()
    assert clients["machine"].keys() == {"client_id", "private_jwk", "scopes"}
    app = create_app(context=context)
    for client in plan.clients:
        if not client.redirect_uris:
            continue
        browser = Browser(app.test_client(), origin=plan.urls.identity)
        asked = authorization(client_id=client.client_id, redirect_uri=client.redirect_uris[0], scope="openid run name")
        browser.open("/openid/authorize", query_string=asked)
        answer = browser.log_in("11.111.111-1", plan.citizens[0].password)
        assert "code" in sent_to_client(answer), client.client_id
        assert answer.headers["Location"].startswith(client.redirect_uris[0] + "?")
    context.close()
