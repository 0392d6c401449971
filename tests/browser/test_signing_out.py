"""Signing out through frames, and the frame that watches the sign-on, in a real Chromium: our pages' policies let just that through."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from identity.context import Identity
from identity.operations import register
from tests.browser.chromium import Looker, visiting
from tests.engines import Engines
from tests.factories.identity import PASSWORD, RUN, SECRET, VERIFIER, authorization, web_client
from tests.factories.identity_live import LiveIdentity, live_identity

pytestmark = [pytest.mark.timeout(240)]
WATCH = """<!DOCTYPE html><html lang="es"><title>Servicio</title><main><h1>Servicio</h1><p id="said"></p></main>
<iframe id="watch" src="%(frame)s" title="Sesión" hidden></iframe><script>
addEventListener("message", event => { if (event.origin === "%(issuer)s") document.getElementById("said").textContent = event.data; });
document.getElementById("watch").addEventListener("load", event => event.target.contentWindow.postMessage(%(message)s, "%(issuer)s"));
</script></html>"""


@dataclass
class Site:
    """A service's own site: what was asked of it, and the page that it shows under /watch."""

    origin: str = ""
    page: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            body = (made.page if self.path == "/watch" else f"<!DOCTYPE html><html lang=es><title>x</title><h1>{self.path}</h1>").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.origin = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def live(engines: Engines, run_folder: Path, site: Site) -> Iterator[LiveIdentity]:
    def furnish(identity: Identity) -> None:
        new = web_client(client_id="site", redirect_uris=(site.origin + "/callback",), post_logout_redirect_uris=(site.origin + "/bye",))
        register.create_client(identity, replace(new, frontchannel_logout_uri=site.origin + "/gone"), actor="test", secret=SECRET)

    with live_identity(engines, run_folder, furnish=furnish, frontchannel_logout=True, session_management=True) as running:
        yield running


@pytest.mark.rule("identity", "LO-11", "AZ-25")
def test_a_browser_opens_the_frames_goes_back_and_the_watching_frame_notices(chromium: Browser, live: LiveIdentity, site: Site) -> None:
    issuer, callback = live.origin + "/openid", site.origin + "/callback"
    with visiting(chromium, language="es", width=360) as page:
        looker = Looker(page, "signing-out", language="es", width=360)
        page.goto(f"{issuer}/authorize?{urlencode(authorization(client_id='site', redirect_uri=callback, scope='openid'))}")
        looker.type_in("[autocomplete~=username]", RUN)
        looker.type_in("[autocomplete~=current-password]", PASSWORD)
        with page.expect_navigation(url=callback + "?*"):
            page.keyboard.press("Enter")
        sent = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
        message = json.dumps(f"site {sent['session_state']}")
        site.page = WATCH % {"frame": issuer + "/check-session", "issuer": live.origin, "message": message}
        page.goto(site.origin + "/watch")
        expect(page.locator("#said")).to_have_text("unchanged")
        form = {"grant_type": "authorization_code", "code": sent["code"], "redirect_uri": callback, "code_verifier": VERIFIER}
        tokens = live.app.test_client().post("/openid/token", data={**form, "client_id": "site", "client_secret": SECRET}).json
        values = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": site.origin + "/bye", "state": "s t"}
        page.goto(f"{issuer}/end-session?{urlencode(values)}")
        page.wait_for_url(site.origin + "/bye?state=s%20t")
        (frame,) = [urlsplit(path) for path in site.asked if path.startswith("/gone")]
        assert parse_qs(frame.query)["iss"] == [issuer]
        assert len(parse_qs(frame.query)["sid"][0]) == 43
        page.goto(site.origin + "/watch")
        expect(page.locator("#said")).to_have_text("changed")
