"""`make bench-identity`: our OpenID Connect provider, with everything in PostgreSQL, beside node-oidc-provider with its in-memory store.

The same requests go to both, one after the other, on the same machine; what cannot be measured is named.
"""

import argparse
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.bench import peer, running
from deploy.bench.load import Measured, Target, measure, raw_request, require_wrk
from deploy.errors import CannotStart
from deploy.journey.facts import Sandbox
from deploy.journey.pages import Browser, Page
from deploy.journey.person import Person

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
VERIFIER, CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
UNIQUE_REQUESTS = 40_000
LOGIN_THREADS = 4
OK = frozenset({200})
NOT_COMPARED = {
    "client_credentials by secret": "ours gives machines no secrets (policy table of the contract), so there is nothing of ours to measure",
    "whole logins without the password hash": "ours has no switch to leave Argon2id out; the figure above is with it",
}


@dataclass(frozen=True)
class Server:
    """One server under measurement: its endpoints, its clients, and tokens that are good."""

    document: Mapping[str, Any]
    machine: Mapping[str, Any]
    resource: str
    web: Mapping[str, str]
    access: str
    refresh: str
    log_in: Callable[[], None]


def main() -> int:
    """Measure both and print the table."""
    parser = argparse.ArgumentParser(prog="make bench-identity ARGS=…", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="length of each load (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=16, help="open connections (default: %(default)s)")
    parser.add_argument("--port", type=int, default=18_100, help="base port of the sandbox that is measured (default: %(default)s)")
    parser.add_argument("--only", action="append", help="one request, by name (may be repeated)")
    options = parser.parse_args()
    try:
        require_wrk()
        with tempfile.TemporaryDirectory(prefix="andamio-bench-") as folder:
            Path(folder).chmod(0o755)  # the database may run as another user
            with running.sandbox(Path(folder) / "sandbox", options.port) as (document, _, pid):
                print(bench(document, pid, options))
    except CannotStart as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 1
    return 0


def bench(document: dict[str, Any], pid: int, options: argparse.Namespace) -> str:
    """Return the figures of both servers as Markdown."""
    ours = load_all(our_server(document), options)
    memory = running.memory_mib(pid).get("web", 0.0)
    absent = peer.missing()
    theirs: dict[str, Measured] = {}
    if absent is None:
        machine = document["identity"]["clients"]["machine"]
        public = ECKey.import_key(machine["private_jwk"]).as_dict(private=False)
        asked = {"machine": {"client_id": machine["client_id"], "public_jwk": public}, "resource": document["notify"]["base_url"]}
        with peer.serving(options.port + 50, {**asked, "callback": "http://127.0.0.1:9/callback"}) as made:
            theirs = load_all(their_server(made, machine, asked["resource"]), options)
    return render(ours, theirs, absent, memory)


def our_server(document: dict[str, Any]) -> Server:
    """Sign a person in at the sandbox, so that there are tokens to measure with."""
    identity = document["identity"]
    web = identity["clients"]["web"]
    metadata = httpx.get(identity["issuer"] + "/.well-known/openid-configuration").raise_for_status().json()
    citizen = Sandbox(document).citizen(identity["citizens"][0]["run"])
    callback = web["redirect_uris"][0]

    def walk() -> str:
        with httpx.Client(timeout=30) as http:
            person = Person(citizen, Browser(http, language="es", stop_at=(callback,)))
            return person.arrive(_authorization(metadata, web["client_id"], callback), back_at=(callback,)).url

    form = {"client_id": web["client_id"], "client_secret": web["client_secret"]}
    tokens = _redeem(metadata, form, walk(), callback)
    machine, resource = identity["clients"]["machine"], document["notify"]["base_url"]
    return Server(metadata, machine, resource, form, tokens["access_token"], tokens["refresh_token"], lambda: _must(walk()))


def their_server(made: dict[str, Any], machine: Mapping[str, Any], resource: str) -> Server:
    """The peer made its tokens itself; its own pages are walked through for logins."""
    metadata = httpx.get(made["issuer"] + "/.well-known/openid-configuration").raise_for_status().json()
    callback = "http://127.0.0.1:9/callback"

    def walk() -> None:
        with httpx.Client(timeout=30) as http:
            browser = Browser(http, language="en", stop_at=(callback,))
            page: Page = browser.open(_authorization(metadata, "web", callback))
            page = browser.submit(page, page.forms[0], {"login": "person-1", "password": "x"})
            page = browser.submit(page, page.forms[0], {})
            _must(page.url)

    form = {"client_id": "web", "client_secret": made["secret"]}
    return Server(metadata, machine, resource, form, made["access"], made["refresh"], walk)


def _authorization(metadata: Mapping[str, Any], client_id: str, callback: str) -> str:
    values = {"client_id": client_id, "redirect_uri": callback, "response_type": "code", "scope": "openid profile email"}
    values |= {"state": "bench-state-0123456789-0123456789", "code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    return f"{metadata['authorization_endpoint']}?{urlencode(values)}"


def _must(url: str) -> None:
    if "code" not in parse_qs(urlsplit(url).query):
        raise CannotStart(f"A login did not end with a code: {url[:200]}")


def _redeem(metadata: Mapping[str, Any], form: Mapping[str, str], back: str, callback: str) -> dict[str, str]:
    code = parse_qs(urlsplit(back).query)["code"][0]
    body = {**form, "grant_type": "authorization_code", "code": code, "redirect_uri": callback, "code_verifier": VERIFIER}
    answer: dict[str, str] = httpx.post(metadata["token_endpoint"], data=body).raise_for_status().json()
    return answer


def targets(server: Server) -> list[Target]:
    """Return the requests to measure, the same for every server."""
    document = server.document
    bearer = {"Authorization": f"Bearer {server.access}"}
    forms = {
        "refresh (by secret)": ("token_endpoint", {"grant_type": "refresh_token", "refresh_token": server.refresh}),
        "introspection (by secret)": ("introspection_endpoint", {"token": server.access}),
    }
    made = [
        _target(document, "discovery", [raw_request("GET", document["issuer"] + "/.well-known/openid-configuration", {})]),
        _target(document, "JWKS", [raw_request("GET", document["jwks_uri"], {})]),
        _target(document, "client_credentials by key", _assertions(server)),
        _target(document, "user info", [raw_request("GET", document["userinfo_endpoint"], bearer)]),
    ]
    for name, (endpoint, form) in forms.items():
        body = urlencode({**form, **server.web}).encode()
        made.append(_target(document, name, [raw_request("POST", document[endpoint], FORM, body)]))
    return made


def _target(document: Mapping[str, Any], name: str, requests: list[bytes]) -> Target:
    parts = urlsplit(document["issuer"])
    return Target(name, f"{parts.scheme}://{parts.netloc}", requests, OK)


def _assertions(server: Server) -> list[bytes]:
    """Requests with an assertion each, since one is good once; they are told apart by `jti`."""
    key, now, client_id = ECKey.import_key(server.machine["private_jwk"]), int(time.time()), server.machine["client_id"]
    url, requests = server.document["token_endpoint"], []
    for _ in range(UNIQUE_REQUESTS):
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": server.document["issuer"],
            "iat": now,
            "exp": now + 290,
            "jti": uuid.uuid4().hex,
        }
        form = {"grant_type": "client_credentials", "scope": "notify:send", "resource": server.resource}
        form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)}
        requests.append(raw_request("POST", url, FORM, urlencode({**form, "client_id": client_id}).encode()))
    return requests


def load_all(server: Server, options: argparse.Namespace) -> dict[str, Measured]:
    """Load each request in turn, and whole logins at the end."""
    found: dict[str, Measured] = {}
    for target in targets(server):
        if not options.only or target.name in options.only:
            found[target.name] = measure(target, connections=options.connections, seconds=options.seconds)
    if not options.only or "whole logins" in options.only:
        found["whole logins"] = measure_logins(server.log_in, options.seconds)
    return found


def measure_logins(log_in: Callable[[], None], seconds: int) -> Measured:
    """Walk through whole logins from some threads; the walker's own work is in the figure, the same for every server."""
    times: list[float] = []
    faults: list[str] = []
    end = time.monotonic() + seconds

    def work() -> None:
        while time.monotonic() < end:
            began = time.monotonic()
            try:
                log_in()
            except (CannotStart, httpx.HTTPError, IndexError) as fault:
                faults.append(type(fault).__name__)
                continue
            times.append(time.monotonic() - began)

    threads = [threading.Thread(target=work) for _ in range(LOGIN_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ordered = sorted(times) or [0.0]
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 for share in (0.5, 0.95, 0.99))
    return Measured("whole logins", len(times) / seconds, p50, p95, p99, len(faults), {})


def render(ours: Mapping[str, Measured], theirs: Mapping[str, Measured], absent: str | None, memory_mib: float) -> str:
    """Return the table; what was not measured is said below it."""
    lines = [
        "| request | ours/s | p50 ms | p95 ms | p99 ms | wrong | node/s | node p95 ms | ours/node |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, mine in ours.items():
        other = theirs.get(name)
        beside = (
            f"{other.per_second:.0f} | {other.p95_ms:.1f} | {mine.per_second / max(other.per_second, 0.001):.2f}" if other else "– | – | –"
        )
        figures = " | ".join(f"{value:.1f}" for value in (mine.p50_ms, mine.p95_ms, mine.p99_ms))
        lines.append(f"| {name} | {mine.per_second:.0f} | {figures} | {mine.wrong} | {beside} |")
    lines += ["", f"Memory of the web processes of the sandbox together: {memory_mib:.0f} MiB (proportional).", ""]
    lines += [f"Not compared: {what}: {why}." for what, why in NOT_COMPARED.items()]
    if absent:
        lines.append(f"node-oidc-provider was not measured: {absent}.")
    wrong = {name: found.statuses for name, found in theirs.items() if found.wrong}
    return "\n".join([*lines, *(f"node-oidc-provider answered {name} with {statuses}." for name, statuses in wrong.items())])


if __name__ == "__main__":
    sys.exit(main())
