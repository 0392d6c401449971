"""`python -m deploy.rigs.installed FOLDER`: the quick start on a real engine, from `andamio init` to a restored backup.

By hand as root, where Docker with Compose and the image are; the names of the services at the domain must lead to this host (/etc/hosts).
The certificate is of the rig's own making, and what is laid over the compose file says only that: where the names lead, and whom to trust.
The mail relay is the rig itself, on port 25.
"""

import argparse
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.errors import CannotStart
from deploy.install.folder import Installation
from deploy.journey.facts import Citizen
from deploy.journey.pages import Browser, Page
from deploy.journey.person import Person
from deploy.sandbox.inbox.mail import parse_mail
from deploy.sandbox.inbox.messages import Arrival
from deploy.services import SERVICES
from deploy.system import wait_until

RUN, EMAIL = "12345678-5", "ana"
PROCESSES = tuple(f"{service}{role}" for service in SERVICES for role in ("", "-worker", "-relay"))
BACKUP = "/backups/rig"
HEALTHY_SECONDS_MAX = 300
BACK_SECONDS_MAX = 90
MAIL_SECONDS_MAX = 60
ROBOT_SECONDS = 16
"""How long a browser without script waits on the page that begins a recovery."""
KILLED = 137
"""What a container ends with that did not end within its grace period."""


class Installed:
    """An installation in a folder, by the commands of docs/operations/quick-start.md."""

    def __init__(self, installation: Installation, left_out: Sequence[str]) -> None:
        self.at = installation
        self._left_out = left_out

    def init(self) -> str:
        """Write the folder as the image's own command does; return what `doctor` says of it."""
        mine = self.at
        words = ["--domain", mine.domain, "--operator-name", mine.operator_name, "--help-phone", mine.help_phone, "--image", mine.image]
        self._image("init", "/out", *words)
        write_certificate(mine.folder / "edge/tls", mine.domain)
        (mine.folder / "compose.override.yaml").write_text(yaml.safe_dump(self._override()))
        for service in SERVICES:
            with (mine.folder / f"env/{service}.env").open("a") as settings:
                settings.write(f"{service.upper()}_OUTBOUND_AUTHORITIES=/run/authority.pem\n")
        with (mine.folder / "env/notify.env").open("a") as settings:
            settings.write("SSL_CERT_FILE=/run/authority.pem\n")  # for the mail relay
        return self._image("doctor", "/out", "--offline")

    def compose(self, *words: str, may_fail: bool = False) -> str:
        """One `docker compose` in the folder.  Raises: CannotStart."""
        return call(["docker", "compose", *words], self.at.folder, may_fail=may_fail)

    def unwell(self) -> list[str]:
        """The containers that are not as they should be, with what they are."""
        there = {}
        for line in self.compose("ps", "-a", "--format", "json").splitlines():
            found = json.loads(line)
            there[found["Service"]] = found["Health"] or found["State"] if found["State"] == "running" else str(found["ExitCode"])
        wanted = dict.fromkeys((*PROCESSES, "postgres", "valkey"), "healthy") | {"databases": "0", "migrate": "0"}
        wanted |= dict.fromkeys({"edge", "prometheus", "alertmanager", "grafana", "collector"} - {*self._left_out}, "running")
        return [f"{name}: {there.get(name, 'not there')}" for name, state in wanted.items() if there.get(name) != state]

    def process_of(self, name: str) -> int:
        """The process id of a container's first process, as this host has it."""
        container = self.compose("ps", "-q", name).strip()
        return int(call(["docker", "inspect", "--format", "{{.State.Pid}}", container], self.at.folder))

    def _image(self, *words: str) -> str:
        return call(["docker", "run", "--rm", "-u", "0", "-v", f"{self.at.folder}:/out", self.at.image, *words], Path("/"))

    def _override(self) -> dict[str, object]:
        ours = {
            "extra_hosts": [f"{name}.{self.at.domain}:host-gateway" for name in (*SERVICES, "mail")],
            "volumes": ["./edge/tls/fullchain.pem:/run/authority.pem:ro"],
        }
        left_out = {name: {"profiles": ["left-out"]} for name in self._left_out}
        return {"services": {**dict.fromkeys((*PROCESSES, "tools", "restore"), ours), **left_out}}


def call(command: Sequence[str], folder: Path, *, may_fail: bool = False) -> str:
    """Run a command and return what it prints.  Raises: CannotStart with what it said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode and not may_fail:
        raise CannotStart(f"{' '.join(command)} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def write_certificate(target: Path, domain: str) -> None:
    """A certificate for *.DOMAIN that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=90))
    made = (
        builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(f"*.{domain}")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (target / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (target / "privkey.pem").write_bytes(private)


class MailRelay:
    """What the mail relay was given."""

    def __init__(self) -> None:
        self.mails: list[Arrival] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the name the SMTP library calls
        """Take a mail."""
        raw = envelope.content
        assert isinstance(raw, bytes)  # noqa: S101 - the server was not asked to decode; this tells the type checker
        self.mails += [parse_mail(raw, to=to, sender=envelope.mail_from or "") for to in envelope.rcpt_tos]
        return "250 OK"


@contextmanager
def browser(here: Installed) -> Iterator[Browser]:
    """A browser that trusts the certificate of the edge."""
    trusted = ssl.create_default_context(cafile=str(here.at.folder / "edge/tls/fullchain.pem"))
    with httpx.Client(verify=trusted, timeout=30) as client:
        yield Browser(client, language="en")


def sign_in(here: Installed, credentials: dict[str, str]) -> Page:
    """Sign in to the wallet through the edge, as the first operator."""
    citizen = Citizen(run=RUN, name="Ana María Soto Pérez", email="", phone="", **credentials)
    with browser(here) as mine:
        return Person(citizen, mine).arrive(f"{here.at.origin('wallet')}/login")


@contextmanager
def mail_relay(here: Installed) -> Iterator[list[Arrival]]:
    """Be the mail relay, which takes nothing but over TLS; the mails that came."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(here.at.folder / "edge/tls/fullchain.pem", here.at.folder / "edge/tls/privkey.pem")
    keeps = MailRelay()
    relay = Controller(keeps, hostname="0.0.0.0", port=25, tls_context=tls, require_starttls=True)  # noqa: S104 - containers come to it
    relay.start()
    try:
        yield keeps.mails
    finally:
        relay.stop()


def by_mail(here: Installed, mails: Sequence[Arrival]) -> str:
    """Begin a recovery, and wait for its code, which goes from identity by notify to the mail relay.  Raises: CannotStart."""
    with browser(here) as mine:
        page = mine.open(f"{here.at.origin('identity')}/recover")
        form = page.form_with(lambda form: "run" in form.fields, what="for a RUN")
        time.sleep(ROBOT_SECONDS)
        mine.submit(page, form, {"run": RUN})
    if not wait_until(lambda: bool(mails), MAIL_SECONDS_MAX, pause_seconds=1):
        raise CannotStart(f"no mail came within {MAIL_SECONDS_MAX} s")
    return "\n".join(f"{mail.sender} to {mail.to}: {mail.subject.rpartition(' ')[0]} …" for mail in mails)


def in_the_clear(here: Installed) -> str:
    """Ask on port 80: browsers are sent on, and who forgot the s with a key in hand is not answered.  Raises: CannotStart."""
    for name in SERVICES:
        answer = httpx.get(f"http://{name}.{here.at.domain}/x?y=1")
        if (answer.status_code, answer.headers.get("location")) != (308, f"{here.at.origin(name)}/x?y=1"):
            raise CannotStart(f"http://{name}.{here.at.domain} answers {answer.status_code} {answer.headers.get('location')}")
    known = f"http://identity.{here.at.domain}/"
    for host in (f"mtls.{here.at.domain}", "localhost", "127.0.0.1"):
        try:
            answer = httpx.get(known, headers={"Host": host})
        except httpx.RemoteProtocolError:
            continue
        raise CannotStart(f"port 80 answers {host} with {answer.status_code}")
    return ""


def step(what: str, act: Callable[[], str]) -> None:
    """Do one thing and say how long it took, and what came of it."""
    begun = time.monotonic()
    said = [line for line in act().splitlines() if line]
    print("\n          ".join((f"{time.monotonic() - begun:6.1f} s  {what}", *said)), flush=True)


def healthy(here: Installed, seconds: float) -> None:
    """Wait until every container is as it should be.  Raises: CannotStart."""
    if not wait_until(lambda: not here.unwell(), seconds, pause_seconds=1):
        raise CannotStart(f"not well within {seconds:.0f} s: {'; '.join(here.unwell())}")


def up(here: Installed) -> str:
    """Start everything."""
    here.compose("up", "-d")
    healthy(here, HEALTHY_SECONDS_MAX)
    return ""


def kill(here: Installed, names: Sequence[str]) -> str:
    """Let processes die, and see them come back without anybody's help."""
    for name in names:
        os.kill(here.process_of(name), signal.SIGKILL)
    time.sleep(1)
    healthy(here, BACK_SECONDS_MAX)
    return ", ".join(names)


def stop(here: Installed) -> str:
    """Stop everything: nobody may have to be killed."""
    here.compose("stop")
    rows = [json.loads(line) for line in here.compose("ps", "-a", "--format", "json").splitlines()]
    killed = [row["Service"] for row in rows if row["ExitCode"] == KILLED]
    if killed:
        raise CannotStart(f"not ended within their grace period: {', '.join(killed)}")
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Go through the quick start; the exit status says whether everything was as it says."""
    parser = argparse.ArgumentParser(prog="python -m deploy.rigs.installed", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder that is empty, or not there yet")
    parser.add_argument("--domain", default="example.test")
    parser.add_argument("--image", default="andamio")
    parser.add_argument("--left-out", nargs="*", default=[], metavar="NAME", help="what cannot be had here, such as grafana collector")
    parsed = parser.parse_args(arguments)
    parsed.folder.mkdir(parents=True, exist_ok=True)
    installation = Installation(parsed.folder.resolve(), parsed.domain, "Municipalidad de Quilpalín", "800 123 456", parsed.image)
    here = Installed(installation, parsed.left_out)
    who = ["--run", RUN, "--given-names", "Ana María", "--family-names", "Soto Pérez", "--email", f"{EMAIL}@{parsed.domain}"]
    credentials: dict[str, str] = {}

    def bootstrap() -> str:
        made, again = (json.loads(here.compose("run", "--rm", "-T", "bootstrap", "--json", *who)) for _ in range(2))
        credentials.update(password=made["password"], totp_secret=made["totp_secret"])
        return f"and again: {again['operator']}"

    step("init and doctor --offline", here.init)
    step("up, until all are healthy", lambda: up(here))
    step("bootstrap", bootstrap)
    step("port 80", lambda: in_the_clear(here))
    step("sign-in", lambda: sign_in(here, credentials).heading)
    with mail_relay(here) as mails:
        step("a code by mail", lambda: by_mail(here, mails))
        step("tools doctor", lambda: here.compose("run", "--rm", "-T", "tools", "doctor"))
    for words in ("tools audit verify", f"tools backup {BACKUP}", f"restore {BACKUP} --prefix drill_ --verify --drop"):
        step(words, partial(here.compose, "run", "--rm", "-T", *words.split()))
    step("killed, and back", lambda: kill(here, ("identity", "wallet-worker", "notify-relay", "valkey", "postgres")))
    step("memory", lambda: call(["docker", "stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}"], here.at.folder))
    step("stop", lambda: stop(here))
    step("up again", lambda: up(here))
    step("sign-in", lambda: sign_in(here, credentials).heading)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotStart as fault:
        sys.exit(f"andamio: {fault}")
