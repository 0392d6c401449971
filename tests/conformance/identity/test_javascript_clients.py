"""Clients that others wrote in JavaScript, openid-client and oauth4webapi, go through our flows as they come."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from deploy.sandbox import authority
from identity.context import Identity
from identity.operations import register
from identity.standards import ciba, rfc8628
from shared.http import Reply
from tests.conformance.identity.test_ciba import KEY, channel
from tests.engines import Engines
from tests.factories.identity import PASSWORD, RUN, SECRET, Browser, web_client
from tests.factories.identity_live import LiveIdentity, live_identity
from tests.peers.install import node_peers

SCRIPT = Path(__file__).resolve().parents[2] / "peers" / "flows.mjs"
BASE = "https://site.example"


def furnish(identity: Identity) -> None:
    """Clients of the flows."""
    public = web_client(client_id="kiosk", policy="public", native=True, redirect_uris=("cl.example.app:/cb",), sector="kiosk.example")
    public = replace(public, grant_types=("authorization_code", rfc8628.GRANT_TYPE), post_logout_redirect_uris=())
    register.create_client(identity, public, actor="test")
    register.create_client(identity, channel("channel"), actor="test")
    site = web_client(client_id="site", redirect_uris=(BASE + "/callback",), post_logout_redirect_uris=(BASE + "/",))
    register.create_client(identity, replace(site, backchannel_logout_uri=BASE + "/backchannel"), actor="test", secret=SECRET)


@pytest.fixture
def live(engines: Engines, run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveIdentity]:
    monkeypatch.setattr(rfc8628, "INTERVAL_SECONDS", 1)
    monkeypatch.setattr(ciba, "INTERVAL_SECONDS", 1)
    with live_identity(engines, run_folder, tls=authority.ensure(tmp_path), furnish=furnish) as running:
        yield running


class Flow:
    """A flow under way in a process of its own: it says and hears lines of JSON."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def hear(self) -> dict[str, Any]:
        """Return what it says next."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read() if self.process.stderr else "it said nothing"
        return dict(json.loads(line))

    def say(self, **values: str) -> None:
        """Tell it something."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(values) + "\n")
        self.process.stdin.flush()


@contextmanager
def running(live: LiveIdentity, name: str, tmp_path: Path) -> Iterator[Flow]:
    folder = node_peers()
    (folder / SCRIPT.name).write_bytes(SCRIPT.read_bytes())
    known = {"ISSUER": live.origin + "/openid", "RUN": RUN, "BASE_URL": BASE, "CLIENT_SECRET": SECRET}
    known |= {"NODE_EXTRA_CA_CERTS": str(authority.files_of(tmp_path).authority), "CLIENT_JWK": json.dumps(KEY.as_dict(private=True))}
    process = subprocess.Popen(
        ["node", SCRIPT.name, name],
        cwd=folder,
        env={**os.environ, **known},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Flow(process)
    finally:
        process.kill()
        process.communicate()


def sign_in(browser: Browser) -> None:
    browser.send({"run": RUN, "password": PASSWORD})


@pytest.mark.rule("identity", "§2.19")
def test_openid_client_device_flow(live: LiveIdentity, tmp_path: Path) -> None:
    with running(live, "device", tmp_path) as flow:
        asked, browser = flow.hear(), live.browser()
        browser.open(asked["verification_uri_complete"].removeprefix(live.origin))
        browser.send({"user_code": asked["user_code"]})
        sign_in(browser)
        browser.send({"decision": "grant"})
        assert flow.hear()["RolUnico"]["numero"] == 11111111


@pytest.mark.rule("identity", "CB-4", "CB-6", "DP-7")
def test_openid_client_ciba_with_dpop(live: LiveIdentity, tmp_path: Path) -> None:
    with running(live, "ciba", tmp_path) as flow:
        asked, browser = flow.hear(), live.browser()
        browser.open("/account/requests")
        sign_in(browser)
        from bs4 import BeautifulSoup

        assert browser.page is not None
        link = BeautifulSoup(browser.page.get_data(as_text=True), "html.parser").select_one("main li a")
        assert link is not None
        browser.open(str(link["href"]))
        browser.send({"decision": "grant", "match_code": asked["match_code"]})
        assert flow.hear()["given_name"] == "Camila Andrea"


@pytest.mark.rule("identity", "LO-2", "LO-7")
def test_openid_client_logout_and_jose_checks_the_logout_token(live: LiveIdentity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[dict[str, str]] = []

    def request(_method: str, _url: str, **call: Any) -> Reply:
        posted.append(call["data"])
        return Reply(204, {}, b"")

    monkeypatch.setattr(live.identity.http, "request", request)
    with running(live, "logout", tmp_path) as flow:
        browser = live.browser()
        browser.open(flow.hear()["url"].removeprefix(live.origin))
        flow.say(url=browser.log_in().headers["Location"])
        bye = flow.hear()
        assert browser.open(bye["url"].removeprefix(live.origin)).headers["Location"] == f"{BASE}/?state=bye"
        live.run_jobs()
        flow.say(logout_token=posted[0]["logout_token"])
        assert flow.hear()["sid"] == bye["sid"]


@pytest.mark.rule("identity", "AZ-8", "TK-6", "ID-1")
def test_oauth4webapi_code_flow(live: LiveIdentity, tmp_path: Path) -> None:
    with running(live, "code", tmp_path) as flow:
        browser = live.browser()
        url = flow.hear()["url"]
        assert parse_qs(url)["scope"] == ["openid profile"]
        browser.open(url.removeprefix(live.origin))
        flow.say(url=browser.log_in().headers["Location"])
        assert flow.hear()["name"] == "Camila Andrea Soto Pérez"
