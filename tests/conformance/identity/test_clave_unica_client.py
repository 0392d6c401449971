"""A published Chilean package runs as it is, with ClaveÚnica's host names led to us and an authority of our own (CU-37)."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.sandbox import authority
from tests.engines import Engines
from tests.factories.identity import CALLBACK, LEGACY_SECRET, Browser
from tests.factories.identity_live import live_identity
from tests.peers.install import python_peers

HOST = "https://accounts.claveunica.gob.cl"
LOGOUT = "https://api.claveunica.gob.cl/api/v1/accounts/app/logout"


class Site:
    """The Django site: a process of its own, asked by lines of JSON."""

    def __init__(self, port: int, bundle: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(python_peers()), "REQUESTS_CA_BUNDLE": str(bundle), "IDENTITY_PORT": str(port)}
        environment |= {"CLIENT_ID": "legacy", "CLIENT_SECRET": LEGACY_SECRET, "REDIRECT_URI": CALLBACK}
        command = [sys.executable, "-W", "ignore", str(Path("tests/peers/clave_unica_site.py").absolute())]
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def open(self, path: str) -> dict[str, Any]:
        """Open a page of the site and return what it answered."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"open": path}) + "\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        self.process.communicate(timeout=20)


@pytest.fixture
def world(engines: Engines, run_folder: Path, tmp_path: Path) -> Iterator[tuple[Browser, Site]]:
    """Identity on https under an authority of its own, a browser, and the site."""
    files = authority.ensure(tmp_path)
    with live_identity(engines, run_folder, tls=files) as live:
        site = Site(live.port, files.bundle)
        try:
            yield live.browser(HOST), site
        finally:
            site.close()


@pytest.mark.rule("identity", "CU-30", "CU-32", "CU-33", "CU-34", "CU-37")
def test_django_clave_unica_signs_a_person_in_unmodified(world: tuple[Browser, Site]) -> None:
    browser, site = world
    to_us = site.open("/login/")["location"]
    assert to_us.startswith(f"{HOST}/openid/authorize?")
    browser.open(to_us)
    back = browser.log_in().headers["Location"]
    assert back.startswith(CALLBACK + "?")
    signed_in = site.open("/callback/?" + back.partition("?")[2])
    assert (signed_in["status"], signed_in["location"]) == (302, "/home/"), signed_in["text"]
    assert signed_in["users"] == [["11111111-1", "Camila Andrea", "Soto Pérez", "camila@example.com"]]
    again = site.open("/callback/?" + back.partition("?")[2])
    assert "State expirado" in again["text"]
    browser.open(LOGOUT)
    assert browser.send({"decision": "leave"}).status_code == 200
    browser.open(site.open("/login/")["location"])
    assert browser.page is not None
    assert 'name="password"' in browser.page.get_data(as_text=True), "the next person has to sign in"


@pytest.mark.rule("identity", "CU-37")
def test_a_refusal_reaches_the_site_as_it_expects(world: tuple[Browser, Site]) -> None:
    browser, site = world
    browser.open(site.open("/login/")["location"])
    back = browser.log_in().headers["Location"].partition("?")[2]
    state = next(part for part in back.split("&") if part.startswith("state="))
    refused = site.open(f"/callback/?code=made-up&{state}")
    assert "Clave Unica http status error: 400" in refused["text"]
    assert refused["users"] == []
