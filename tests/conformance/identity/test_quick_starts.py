"""docs/identity/quick-starts.md is true: its code is taken from the page, run, and a person signs in with it."""

import json
import os
import re
import secrets
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from bs4 import BeautifulSoup

from deploy.sandbox import authority
from deploy.system import free_port, wait_until
from identity.errors import OAuthError
from tests.engines import Engines
from tests.factories.identity import PASSWORD, RUN
from tests.factories.identity_live import LiveIdentity, live_identity
from tests.peers.install import node_peers, python_peers

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/identity/quick-starts.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
START_SECONDS = 30
NAME = "Camila Andrea Soto Pérez"


@dataclass
class Site:
    """The program of a quick start: where it answers, and the environment that the page asks for."""

    base_url: str
    folder: Path
    environment: dict[str, str]

    def run(self, block: str, more: str = "") -> str:
        """Run a block of the page in a shell, with commands after it, and return what it prints."""
        done = subprocess.run(
            ["bash", "-e"], input=BLOCKS[block] + more, env=self.environment, capture_output=True, text=True, timeout=20, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def serving(self, command: list[str]) -> Iterator[None]:
        """Have the program answer while the block runs."""
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
            try:
                up = wait_until(lambda: process.poll() is not None or answers(self.base_url), START_SECONDS)
                assert up, (self.folder / "log").read_text()
                assert process.poll() is None, (self.folder / "log").read_text()
                yield
            finally:
                process.terminate()
                process.wait(20)


def answers(url: str) -> bool:
    """Answer whether something listens there."""
    try:
        httpx.get(url, timeout=2)
    except httpx.HTTPError:
        return False
    return True


@pytest.fixture
def live(engines: Engines, run_folder: Path, tmp_path: Path) -> Iterator[LiveIdentity]:
    with live_identity(engines, run_folder, tls=authority.ensure(tmp_path)) as running:
        yield running


@pytest.fixture
def site(live: LiveIdentity, tmp_path: Path) -> Site:
    """A site whose client was registered as the page says, in a folder with the page's files."""
    files, port = authority.files_of(tmp_path), free_port()
    base_url, folder = f"http://localhost:{port}", tmp_path / "site"
    folder.mkdir()
    for name, text in BLOCKS.items():
        (folder / name).write_text(text, encoding="utf-8")
    environment = {**os.environ, "ISSUER": live.origin + "/openid", "BASE_URL": base_url, "SESSION_KEY": secrets.token_hex(16)}
    environment |= {
        "SSL_CERT_FILE": str(files.bundle),
        "REQUESTS_CA_BUNDLE": str(files.bundle),
        "NODE_EXTRA_CA_CERTS": str(files.authority),
    }
    made = Site(base_url, folder, environment)
    registered = httpx.Response(201, text=made.run("registration")).json()
    environment |= {"CLIENT_ID": registered["client_id"], "CLIENT_SECRET": registered["client_secret"]}
    return made


def sign_in(site: Site, path: str = "/login") -> str:
    """Walk with a browser from the site's sign-in to its page afterwards; what that says."""
    trusting = ssl.create_default_context(cafile=site.environment["SSL_CERT_FILE"])
    with httpx.Client(follow_redirects=True, timeout=20, verify=trusting) as browser:
        page = browser.get(site.base_url + path)
        for _ in range(3):
            form = BeautifulSoup(page.text, "html.parser").select_one("main form")
            if form is None:
                break
            hidden = {str(field["name"]): str(field.get("value", "")) for field in form.select("input[type=hidden]")}
            values = {"run": RUN, "password": PASSWORD} if form.select_one("[name=password]") else {"decision": "grant"}
            page = browser.post(str(page.url.join(str(form["action"]))), data={**hidden, **values})
        return page.text


PYTHON = [sys.executable, "-W", "ignore", "-m"]


@pytest.mark.rule("identity", "ON-2")
def test_flask_with_authlib(site: Site) -> None:
    port = site.base_url.rpartition(":")[2]
    with site.serving([*PYTHON, "flask", "--app", "flask_site", "run", "--port", port]):
        assert sign_in(site) == f"Hello {NAME}"


@pytest.mark.rule("identity", "ON-2")
def test_django_with_mozilla_django_oidc(site: Site) -> None:
    port = site.base_url.rpartition(":")[2]
    site.environment["PYTHONPATH"] = f"{site.folder}:{python_peers()}"
    site.environment["DJANGO_SETTINGS_MODULE"] = "django_site"
    subprocess.run([*PYTHON, "django", "migrate", "--verbosity", "0"], cwd=site.folder, env=site.environment, check=True, timeout=60)
    with site.serving([*PYTHON, "django", "runserver", port, "--noreload"]):
        assert sign_in(site) == f"Hello {NAME}"


@pytest.mark.rule("identity", "ON-2")
def test_express_with_openid_client(site: Site) -> None:
    (site.folder / "node_modules").symlink_to(node_peers() / "node_modules")
    with site.serving(["node", "express_site.mjs"]):
        assert sign_in(site) == f"Hello {NAME}"


APACHE = """
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/pid
ErrorLog /dev/stderr
User www-data
{modules}
DocumentRoot {folder}/pages
DirectoryIndex index.html
TypesConfig /dev/null
AddType text/html .html
AddOutputFilter INCLUDES .html
<Directory {folder}/pages>
    Options +Includes
</Directory>
Include {folder}/apache_site.conf
"""
APACHE_MODULES = ("mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc", "dir", "mime", "include")
APACHE_PAGE = 'Hello <!--#echo encoding="none" var="OIDC_CLAIM_name" -->, <!--#echo var="REMOTE_USER" -->'


@pytest.fixture
def apache_folder(site: Site) -> Iterator[Path]:
    """The page's configuration in a place that Apache may read as another user, with what a Debian host has around it."""
    with tempfile.TemporaryDirectory(prefix="andamio-apache-") as made:
        folder = Path(made)
        (folder / "pages").mkdir()
        (folder / "pages/index.html").write_text(APACHE_PAGE, encoding="utf-8")
        (folder / "apache_site.conf").write_text(BLOCKS["apache_site.conf"], encoding="utf-8")
        (folder / "bundle.pem").write_bytes(Path(site.environment["SSL_CERT_FILE"]).read_bytes())
        modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in APACHE_MODULES)
        port = site.base_url.rpartition(":")[2]
        (folder / "httpd.conf").write_text(APACHE.format(folder=folder, port=port, modules=modules), encoding="utf-8")
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield folder


@pytest.mark.apache
@pytest.mark.rule("identity", "ON-2", "PK-3", "AZ-8")
def test_apache_with_mod_auth_openidc(site: Site, apache_folder: Path) -> None:
    bundle, site.environment["SSL_CERT_FILE"] = site.environment["SSL_CERT_FILE"], str(apache_folder / "bundle.pem")
    with site.serving(["apache2", "-f", str(apache_folder / "httpd.conf"), "-D", "FOREGROUND"]):
        site.environment["SSL_CERT_FILE"] = bundle
        text = sign_in(site, "/")
    assert text.startswith(f"Hello {NAME}, ")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", text.rpartition(", ")[2].strip()), "REMOTE_USER is the pairwise sub"


@pytest.mark.rule("identity", "ON-2")
def test_plain_curl(site: Site, live: LiveIdentity) -> None:
    asked = site.run("ask", "\necho $verifier\n").splitlines()
    browser = live.browser()
    browser.open(asked[0].removeprefix(live.origin))
    browser.log_in()
    back = browser.send({"decision": "grant"}).headers["Location"]
    code = re.search(r"code=([^&]+)", back)
    assert code is not None
    site.environment |= {"code": code[1], "verifier": asked[1]}
    assert json.loads(site.run("redeem"))["name"] == NAME


@pytest.mark.rule("identity", "HT-11", "§2.29")
def test_every_error_code_is_explained_to_service_teams() -> None:
    text = (ROOT / "docs/identity/errors.md").read_text(encoding="utf-8")
    kinds = [OAuthError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    codes = {kind.code for kind in kinds if kind is not OAuthError}
    assert codes == set(re.findall(r"^\| `([a-z_]+)`", text, re.MULTILINE))
