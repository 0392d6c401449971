"""The two servers of `make bench-identity`: their endpoints, clients, people, and the requests that both get."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.bench.load import Target, raw_request
from deploy.bench.visitors import FORM, Door, Visitor

FORM_HEADERS = {"Content-Type": FORM}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
VERIFIER, CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
UNIQUE_REQUESTS = 40_000
PEER_CALLBACK = "http://127.0.0.1:9/callback"
OK = frozenset({200})
BY_KEY, BY_SECRET = "client_credentials by key", "client_credentials, ours by key, node's by secret"
REFRESH = "refresh (by secret)"


@dataclass(frozen=True)
class Server:
    """One server under measurement: its endpoints, its clients, tokens that are good, and people who can sign in."""

    document: Mapping[str, Any]
    machine: Mapping[str, Any]
    machine_secret: str | None
    resource: str
    access: str
    refresh: str
    door: Door
    people: Sequence[Mapping[str, str]]

    def visitors(self, many: int) -> list[Visitor]:
        """So many browsers, shared out among the people there are."""
        return [Visitor(self.door, typed) for typed in islice(cycle(self.people), many)]


def our_server(sandbox: dict[str, Any]) -> Server:
    """Sign a person in at the sandbox, so that there are tokens to measure with."""
    identity = sandbox["identity"]
    web = identity["clients"]["web"]
    form = {"client_id": web["client_id"], "client_secret": web["client_secret"]}
    metadata = _metadata(identity["issuer"])
    people = [{"run": one["run"], "password": one["password"]} for one in identity["citizens"] if not one.get("totp_secret")]
    door = _door(metadata, form, web["redirect_uris"][0], kept=("identity-device",))
    visitor = Visitor(door, people[0])
    tokens = visitor.redeem(visitor.sign_in())
    visitor.leave()
    machine, resource = identity["clients"]["machine"], sandbox["notify"]["base_url"]
    return Server(metadata, machine, None, resource, tokens["access_token"], tokens["refresh_token"], door, people)


def their_server(made: dict[str, Any], machine: Mapping[str, Any], resource: str) -> Server:
    """The peer made its tokens itself; its own pages take any name and password."""
    metadata = _metadata(made["issuer"])
    door = _door(metadata, {"client_id": "web", "client_secret": made["secret"]}, PEER_CALLBACK)
    people = [{"login": f"person-{number}", "password": "x"} for number in range(1, 4)]
    return Server(metadata, machine, made["secret"], resource, made["access"], made["refresh"], door, people)


def _metadata(issuer: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(issuer + "/.well-known/openid-configuration").raise_for_status().json()
    return found


def _door(metadata: Mapping[str, Any], form: Mapping[str, str], callback: str, kept: tuple[str, ...] = ()) -> Door:
    values = {"client_id": form["client_id"], "redirect_uri": callback, "response_type": "code", "scope": "openid profile email"}
    values |= {"state": "bench-state-0123456789-0123456789", "code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    redeeming = {**form, "grant_type": "authorization_code", "redirect_uri": callback, "code_verifier": VERIFIER}
    return Door(f"{metadata['authorization_endpoint']}?{urlencode(values)}", callback, metadata["token_endpoint"], redeeming, kept)


def targets(server: Server) -> dict[str, Callable[[], Target]]:
    """Return the single requests to measure by name, the same for every server; assertions are made when they are needed."""
    document, bearer = server.document, {"Authorization": f"Bearer {server.access}"}
    web = {name: server.door.redeeming[name] for name in ("client_id", "client_secret")}

    def get(url: str, headers: dict[str, str]) -> list[bytes]:
        return [raw_request("GET", url, headers)]

    def post(endpoint: str, form: Mapping[str, str]) -> list[bytes]:
        return [raw_request("POST", document[endpoint], FORM_HEADERS, urlencode(form).encode())]

    made: dict[str, Callable[[], list[bytes]]] = {
        "discovery": lambda: get(document["issuer"] + "/.well-known/openid-configuration", {}),
        "JWKS": lambda: get(document["jwks_uri"], {}),
        BY_KEY: lambda: assertions(server, UNIQUE_REQUESTS),
        "user info": lambda: get(document["userinfo_endpoint"], bearer),
        REFRESH: lambda: post("token_endpoint", {"grant_type": "refresh_token", "refresh_token": server.refresh, **web}),
        "introspection (by secret)": lambda: post("introspection_endpoint", {"token": server.access, **web}),
    }
    if server.machine_secret is not None:
        form = {"client_id": "machine-secret", "client_secret": server.machine_secret, **_machine_form(server)}
        made[BY_SECRET] = lambda: post("token_endpoint", form)
    parts = urlsplit(document["issuer"])
    origin = f"{parts.scheme}://{parts.netloc}"

    def target(name: str) -> Target:
        return Target(name, origin, made[name](), OK)

    return {name: partial(target, name) for name in made}


def assertions(server: Server, many: int) -> list[bytes]:
    """Token requests with an assertion each, since one is good once; they are told apart by `jti`."""
    key, now, client_id = ECKey.import_key(server.machine["private_jwk"]), int(time.time()), server.machine["client_id"]
    claims = {"iss": client_id, "sub": client_id, "aud": server.document["issuer"], "iat": now, "exp": now + 290}
    requests = []
    for _ in range(many):
        assertion = jwt.encode({"alg": "ES256", "kid": key.kid}, {**claims, "jti": uuid.uuid4().hex}, key)
        form = {**_machine_form(server), "client_id": client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        requests.append(raw_request("POST", server.document["token_endpoint"], FORM_HEADERS, urlencode(form).encode()))
    return requests


def _machine_form(server: Server) -> dict[str, str]:
    return {"grant_type": "client_credentials", "scope": "notify:send", "resource": server.resource}
