"""A small relying party on a port of its own, that can be made to forget any of its checks."""

import json
import secrets
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from identity.standards.rfc7636 import s256
from tests.factories.identity import SECRET

CLIENT_ID = "own-site"
CHECKS = frozenset({"state", "own-state", "nonce", "signature", "exp", "iss", "aud", "sender", "page", "fresh", "logout"})


class Refused(Exception):
    """The answer is not good."""


@dataclass
class RelyingParty:
    """The site: `forgets` are the checks it leaves out, `asked` the paths that were opened."""

    origin: str = ""
    provider: str = ""
    forgets: frozenset[str] = frozenset()
    sessions: dict[str, dict[str, str]] = field(default_factory=dict)
    states: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    keys: KeySet | None = None

    def checks(self, name: str) -> bool:
        """Answer whether a check is made."""
        return name not in self.forgets

    def answer(self, path: str, query: dict[str, str], mine: dict[str, str]) -> tuple[int, str]:
        """Return a status, and a text or where to go; `mine` is the visitor's session."""
        self.asked.append(path)
        if path == "/login":
            return 303, self._ask(mine)
        if path == "/callback":
            return self._take(query, mine)
        if path == "/sign-out":
            mine.pop("sub", None) if self.checks("page") else None
            hint = mine.pop("hint", "")
            leave = f"{self.provider}/end-session?" + urlencode({"id_token_hint": hint, "post_logout_redirect_uri": self.origin + "/"})
            return 303, leave if self.checks("logout") else "/"
        if path == "/mine" and "sub" not in mine:
            return 303, "/login"
        return 200, "Mis trámites" if path == "/mine" else "Inicio"

    def _ask(self, mine: dict[str, str]) -> str:
        draw = secrets.token_urlsafe if self.checks("fresh") else lambda _: "always-the-same-value-of-forty-three-signs-1"
        mine |= {"state": draw(24), "nonce": draw(24), "verifier": draw(32)}
        self.states.add(mine["state"])
        values = {"client_id": CLIENT_ID, "redirect_uri": self.origin + "/callback", "response_type": "code", "scope": "openid"}
        values |= {"state": mine["state"], "nonce": mine["nonce"], "code_challenge": s256(mine["verifier"])}
        return f"{self.provider}/authorize?" + urlencode({**values, "code_challenge_method": "S256"})

    def _take(self, query: dict[str, str], mine: dict[str, str]) -> tuple[int, str]:
        known = {mine.get("state", "")} if self.checks("own-state") else self.states
        if self.checks("state") and query.get("state") not in known:
            return 400, "Vuelva a empezar"
        if self.checks("sender") and query.get("iss") != self.provider:
            return 400, "Vuelva a empezar"
        if "code" not in query:
            return 200, "No se ingresó"
        try:
            token, claims = self._redeem(query["code"], mine)
        except Refused:
            return 400, "Vuelva a empezar"
        mine |= {"sub": str(claims["sub"]), "hint": token}
        return 303, "/mine"

    def _redeem(self, code: str, mine: dict[str, str]) -> tuple[str, dict[str, Any]]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.origin + "/callback"}
        form |= {"client_id": CLIENT_ID, "client_secret": SECRET, "code_verifier": mine.get("verifier", "")}
        reply = httpx.post(f"{self.provider}/token", data=form, timeout=20)
        if reply.status_code != 200:
            raise Refused
        token = str(reply.json()["id_token"])
        claims = self._read(token)
        good = {
            "nonce": claims.get("nonce") == mine.get("nonce"),
            "exp": int(claims["exp"]) > time.time(),
            "iss": claims["iss"] == self.provider,
            "aud": claims["aud"] == CLIENT_ID,
        }
        if any(self.checks(name) and not is_good for name, is_good in good.items()):
            raise Refused
        return token, claims

    def _read(self, token: str) -> dict[str, Any]:
        if not self.checks("signature"):
            part = token.split(".")[1]
            return dict(json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4))))
        self.keys = self.keys or KeySet.import_key_set(httpx.get(f"{self.provider}/jwks", timeout=20).json())
        try:
            return dict(jwt.decode(token, self.keys, algorithms=["ES256", "RS256"]).claims)
        except JoseError:
            raise Refused from None


@contextmanager
def relying_party() -> Iterator[RelyingParty]:
    """Serve one while the block runs."""
    site = RelyingParty()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            held = SimpleCookie(self.headers.get("Cookie", "")).get("site")
            key = held.value if held else secrets.token_urlsafe(16)
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, text = site.answer(parts.path, query, site.sessions.setdefault(key, {}))
            body = text.encode() if status != 303 else b""
            self.send_response(status)
            self.send_header("Set-Cookie", "theme=plain; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Path=/")
            self.send_header("Set-Cookie", f"site={key}; HttpOnly; SameSite=Lax; Path=/")
            if status == 303:
                self.send_header("Location", text)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.origin = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
