"""`andamio init`, `databases`, `bootstrap` and `doctor`: an installation from nothing."""

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from deploy.commands.terminal import Subparsers, enter, runs, show
from deploy.errors import CannotStart
from deploy.services import SERVICES

if TYPE_CHECKING:
    from deploy.install.bootstrap import Operator, Secrets


def add(commands: Subparsers) -> None:
    """Add the commands."""
    init = commands.add_parser("init", help="write the folder of a production installation: settings, secrets, compose file")
    init.add_argument("folder", type=Path)
    init.add_argument("--domain", required=True, help="the services become identity.DOMAIN, notify.DOMAIN, pay.DOMAIN and wallet.DOMAIN")
    init.add_argument("--operator-name", required=True, help="name of the body that runs this, as people read it")
    init.add_argument("--help-phone", required=True, help="telephone number for help, shown on each page")
    init.add_argument("--image", default="andamio", help="image of the services (default: %(default)s)")
    runs(init, _init)
    prepare = commands.add_parser("databases", help="make the services' databases and roles, with least privilege")
    prepare.add_argument("--host", required=True)
    prepare.add_argument("--port", type=int, default=5432)
    prepare.add_argument("--user", default="postgres", help="an administrator (default: %(default)s)")
    prepare.add_argument("--secrets", type=Path, required=True, help="folder with superuser, SERVICE_owner and SERVICE_app")
    runs(prepare, _databases)
    first = commands.add_parser("bootstrap", help="enter the suite's own clients, at identity and notify, and the first operator")
    first.add_argument("--secrets", type=Path, required=True, help="folder with a folder of secrets for each service")
    first.add_argument("--run", required=True, help="RUN of the first operator")
    first.add_argument("--given-names", required=True)
    first.add_argument("--family-names", required=True)
    first.add_argument("--email", required=True)
    runs(first, _bootstrap)
    look = commands.add_parser("doctor", help="look at this host and its configuration, and say what is wrong in plain words")
    look.add_argument("folder", type=Path, nargs="?", help="folder of the installation (default: the settings in the environment)")
    look.add_argument("--offline", action="store_true", help="only files and settings, no engines")
    runs(look, _doctor)


def _init(parsed: argparse.Namespace) -> int:
    from deploy.install import folder
    from deploy.install.folder import Installation

    installation = Installation(parsed.folder, parsed.domain, parsed.operator_name, parsed.help_phone, parsed.image)
    written = [str(path.relative_to(parsed.folder)) for path in folder.write(installation)]
    lines = [
        f"{len(written)} files written to {parsed.folder}; what was there is as it was.",
        f"Next: put a certificate for *.{parsed.domain} into {parsed.folder}/edge/tls (fullchain.pem, privkey.pem),",
        f"set SMTP and SMS in {parsed.folder}/env/notify.env, and ask `andamio doctor {parsed.folder}`.",
    ]
    show(parsed, {"written": written}, lines)
    return 0


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as fault:
        raise CannotStart(f"The secret {path} cannot be read ({fault.strerror}).") from fault


def _databases(parsed: argparse.Namespace) -> int:
    from deploy.install import databases

    password = quote(_secret(parsed.secrets / "superuser"), safe="")
    admin_url = f"postgresql://{quote(parsed.user)}:{password}@{parsed.host}:{parsed.port}/postgres"
    made = databases.prepare(admin_url, lambda role: _secret(parsed.secrets / role))
    show(parsed, {"made": made}, [f"{service}: made" for service in made] or ["All databases were there."])
    return 0


def _bootstrap(parsed: argparse.Namespace) -> int:
    from deploy import serving
    from deploy.install.bootstrap import bootstrap

    operator = _operator(parsed)
    enter(["identity"])
    identity = serving.create_context("identity")
    _, is_ours, domain = identity.settings.public_url.partition("https://identity.")
    if not is_ours:
        raise CannotStart("IDENTITY_PUBLIC_URL is not https://identity.DOMAIN, from which the addresses of the others follow.")

    def own_secrets(service: str, name: str) -> str:
        return _secret(parsed.secrets / service / name)

    try:
        _enter_writers(domain, own_secrets)  # first, since the operator's password is shown once
        made = bootstrap(
            identity,  # type: ignore[arg-type]  # the context of the service that was named
            operator,
            lambda service: f"https://{service}.{domain}",
            own_secrets,
        )
    finally:
        identity.close()
    if made is None:
        show(parsed, {"operator": "known"}, ["That RUN has an account: its password was left as it is."])
        return 0
    lines = [
        "The suite's own clients are entered, at identity and at notify. The first operator, shown this once:",
        f"  RUN       {operator.run.shown}",
        f"  password  {made.password}",
        f"  TOTP      {made.totp_secret}   (into an authenticator app)",
    ]
    show(parsed, {"operator": "made", "password": made.password, "totp_secret": made.totp_secret}, lines)
    return 0


def _enter_writers(domain: str, own_secrets: "Secrets") -> None:
    from deploy import serving
    from deploy.install.bootstrap import enter_writers

    enter(["notify"])
    notify = serving.create_context("notify")
    try:
        enter_writers(notify, domain, own_secrets)  # type: ignore[arg-type]  # as above
    finally:
        notify.close()


def _operator(parsed: argparse.Namespace) -> "Operator":
    from deploy.install.bootstrap import Operator
    from shared.run import InvalidRun, parse_run

    try:
        run = parse_run(parsed.run)
    except InvalidRun as fault:
        raise CannotStart("The RUN is not right: check the digit after the hyphen.") from fault
    return Operator(run, tuple(parsed.given_names.split()), tuple(parsed.family_names.split()), parsed.email)


def _doctor(parsed: argparse.Namespace) -> int:
    from deploy.install import doctor

    if parsed.folder is None:
        enter(SERVICES)
    findings = doctor.examine(parsed.folder, dict(os.environ), SERVICES, offline=parsed.offline)
    marks = {"ok": "✓", "warning": "!", "fault": "✗"}
    lines = [f"{marks[finding.level]} {finding.text}" for finding in findings]
    document = {"ok": all(finding.level != "fault" for finding in findings), "findings": [vars(finding) for finding in findings]}
    show(parsed, json.loads(json.dumps(document)), lines)
    return 0 if document["ok"] else 1
