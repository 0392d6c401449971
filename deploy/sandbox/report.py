"""What the sandbox says: progress, one table for people, and sandbox.json for programs."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict

from deploy.sandbox import alias
from deploy.sandbox.authority import ALIASES, files_of
from deploy.sandbox.plan import Plan
from deploy.services import SERVICES

WIDTH = 120


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


whisper = say  # standard output belongs to the JSON document; progress goes beside it


def document(plan: Plan, parts: Mapping[str, Mapping[str, object]], version: str) -> dict[str, object]:
    """The content of sandbox.json: a contract that outside tests read.  Keys may be added, not renamed."""
    made: dict[str, object] = {"ready": True, "version": version}
    made |= {
        "front": plan.urls.front,
        "inbox": plan.urls.inbox,
        "example": plan.urls.example,
        "registry": plan.urls.registry,
        "banks": plan.urls.banks,
    }
    addresses = asdict(plan.urls)
    for service in SERVICES:
        made[service] = {"base_url": addresses[service], **parts.get(service, {})}
    return made


def tell(plan: Plan, made: Mapping[str, object], seconds: float, *, as_json: bool) -> None:
    """Print the document, or one table of addresses, people and keys."""
    if as_json:
        print(json.dumps(made, ensure_ascii=False), flush=True)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Andamio is running ({seconds:.1f} s)", show_header=False, title_justify="left", box=box.SIMPLE, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    for name, url in asdict(plan.urls).items():
        table.add_row(name, url)
    table.add_section()
    for citizen in plan.citizens:
        factor = f", TOTP {citizen.totp_secret}" if citizen.totp_secret else ""
        table.add_row(f"RUN {citizen.run}", f"password {citizen.password}{factor}\n{citizen.name}: {citizen.note}")
    for member in plan.staff:
        table.add_row(
            f"RUN {member.run}", f"password {member.password}, TOTP {member.totp_secret}\n{member.name}: {', '.join(member.roles)}"
        )
    table.add_section()
    for label, value in _keys(made):
        table.add_row(label, value)
    if plan.ports.tls:
        table.add_section()
        for label, value in _trust(plan):
            table.add_row(label, value)
    # A line that is longer than the terminal is wrapped by the terminal, so that a key can still be copied whole.
    Console(highlight=False, width=WIDTH).print(table)
    print(f"All of it for programs: {plan.folder / 'sandbox.json'}\nCtrl-C stops everything; the data are kept.", flush=True)


def _trust(plan: Plan) -> list[tuple[str, str]]:
    """How to trust the sandbox's authority, and how code with ClaveÚnica's addresses is led here."""
    aliased, served = " ".join(ALIASES), alias.may_listen()
    served_by = (
        "already led here by this sandbox"
        if not served
        else (
            f"not led here: start as root, or run  sudo socat TCP-LISTEN:443,bind=127.0.0.1,fork TCP:127.0.0.1:{plan.ports.of('identity')}"
        )
    )
    return [
        ("trust", f"{files_of(plan.folder).authority}\nit is good for localhost and the names below, and for nothing else"),
        ("in Python", f"REQUESTS_CA_BUNDLE and SSL_CERT_FILE = {files_of(plan.folder).bundle}"),
        ("in Node", f"NODE_EXTRA_CA_CERTS = {files_of(plan.folder).authority}"),
        ("alias", f"add to /etc/hosts:  127.0.0.1 {aliased}"),
        ("port 443", served_by),
    ]


def _keys(made: Mapping[str, object]) -> list[tuple[str, str]]:
    """The keys a person may want to copy."""
    rows = []
    for service in SERVICES:
        part = made[service]
        keys = part.get("api_keys") if isinstance(part, dict) else None
        for kind, key in (keys or {}).items():
            rows.append((f"{service} key ({kind})", str(key)))
    return rows
