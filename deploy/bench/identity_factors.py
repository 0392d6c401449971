"""Sign-ins with each factor, for `make bench-identity`: by people made for it, over HTTP, with the codes that each factor needs.

Each person signs in once with each way, since a code of an app counts once in half a minute, one by text message once in a minute.
"""

import base64
import html
import json
import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any

import httpx
import pyotp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.bench.crowds import Act, closed_loop
from deploy.bench.identity_servers import Server
from deploy.bench.load import Measured
from deploy.bench.visitors import Filled, Lost, Visitor, read_forms
from deploy.bench.wire import Answer
from identity.context import Identity
from identity.models.finders import PASSKEYS
from identity.operations import people, second_factors
from identity.standards.oidc_claims import Facts
from shared.run import Run, check_digit

FIRST_RUN = 8_000_000
PASSWORD = "a passphrase for measuring"  # noqa: S105 - of made-up people in a sandbox that is thrown away
TWO_FACTORS = "&acr_values=urn%3Aandamio%3Aacr%3A2"
SMS_SECONDS_MAX = 60.0
AT_ONCE = 4
VERIFIED = 0x05
_OPTIONS = re.compile(r'data-passkey="([^"]*)"')
_DIGITS, _NUMBER = re.compile(r"\b(\d{6})\b"), re.compile(r'id="go-on">(\d\d)<')
_QUESTION = re.compile(r'href="(/account/approvals/[0-9a-f-]+)"')


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Holder:
    """A person with every factor."""

    run: str
    phone: str
    secret: str
    codes: list[str]
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: uuid.uuid4().bytes)
    count: int = 0

    def assertion(self, options: Mapping[str, Any], origin: str) -> str:
        """Answer a challenge as an authenticator does that has verified its person.  Spec: WebAuthn §6.3.3, §7.2."""
        self.count += 1
        data = {"type": "webauthn.get", "challenge": options["challenge"], "origin": origin, "crossOrigin": False}
        client_data = json.dumps(data).encode()
        head = sha256(str(options["rpId"]).encode()).digest() + bytes([VERIFIED]) + self.count.to_bytes(4, "big")
        signature = self.key.sign(head + sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        parts = {"authenticatorData": head, "clientDataJSON": client_data, "signature": signature}
        name = _encode(self.credential_id)
        response = {key: _encode(value) for key, value in parts.items()}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}})


def make_holders(identity: Identity, many: int) -> list[Holder]:
    """Enter people with password, app, passkey, recovery codes and a telephone."""
    made = []
    for number in range(FIRST_RUN, FIRST_RUN + many):
        run, phone = Run(number, check_digit(number)), f"+5691{number:07}"
        facts = Facts(run, ("Ana",), ("Medida",), "ana@example.com", email_verified=True, phone=phone, phone_verified=True)
        person_id, holder = people.create_person(identity, facts, actor="bench"), Holder(str(run), phone, pyotp.random_base32(), [])
        people.set_password(identity, person_id, PASSWORD, actor="bench")
        people.add_totp(identity, person_id, holder.secret, name="app", actor="bench")
        holder.codes = second_factors.make_recovery_codes(identity, person_id)
        row = {
            "id": identity.ids.uuid4(),
            "person_id": person_id,
            "credential_id": holder.credential_id,
            "public_key": cose(holder.key),
            "sign_count": 0,
            "backup_eligible": False,
            "backed_up": False,
            "name": "bench",
            "created_at": identity.clock.now(),
        }
        with identity.transaction() as tx:
            tx.connection.execute(PASSKEYS.insert().values(row))
        made.append(holder)
    return made


def cose(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a public key of P-256 in the form that authenticators give.  Spec: RFC 9053 §7.1, in canonical CBOR."""
    numbers = key.public_key().public_numbers()
    x, y = (value.to_bytes(32, "big") for value in (numbers.x, numbers.y))
    return bytes.fromhex("a5010203262001215820") + x + bytes.fromhex("225820") + y


class FactorVisitor(Visitor):
    """A person who signs in with more than a password."""

    def __init__(self, server: Server, holder: Holder, inbox: str) -> None:
        super().__init__(server.door, {"run": holder.run, "password": PASSWORD})
        self.holder, self.inbox, self._server = holder, inbox, server

    def _enter(self, *, two: bool) -> tuple[str, Answer]:
        """Come to the sign-in page, or through it to the second factor."""
        url = self.door.authorization + TWO_FACTORS if two else self.door.authorization
        url, answer = self._settle(url, self._get(url))
        return self._settle_form(self.read_form(url, answer)) if two else (url, answer)

    def _settle_form(self, filled: Filled) -> tuple[str, Answer]:
        return self._settle(filled.url, self.send_form(filled))

    def _form(self, url: str, answer: Answer, ending: str, **typed: str) -> Filled:
        found = [form for form in read_forms(url, answer.body.decode()) if form.url.endswith(ending)]
        if not found:
            raise Lost(f"{url[:120]} answered {answer.status} and has no form {ending}")
        return Filled(found[0].url, {**found[0].fields, **typed})

    def _end(self, filled: Filled) -> None:
        url, _ = self._settle_form(filled)
        if not url.startswith(self.door.callback):
            raise Lost(f"the sign-in stopped at {url[:120]}")
        self.redeem(self._code(url))

    def by_app(self) -> None:
        """Password, and the code of the app."""
        self._end(self._form(*self._enter(two=True), "/code", code=pyotp.TOTP(self.holder.secret).now()))

    def by_paper(self) -> None:
        """Password, and a recovery code."""
        self._end(self._form(*self._enter(two=True), "/code", code=self.holder.codes.pop()))

    def by_passkey(self) -> None:
        """The passkey alone."""
        url, answer = self._enter(two=False)
        found = _OPTIONS.search(answer.body.decode())
        if found is None:
            raise Lost("the sign-in page offers no passkey")
        credential = self.holder.assertion(json.loads(html.unescape(found[1])), self._origin)
        self._end(self._form(url, answer, "/passkey", credential=credential))

    def by_message(self) -> None:
        """Password, and a code that comes through notify to the telephone."""
        url, answer = self._settle_form(self._form(*self._enter(two=True), "/message"))
        self._end(self._form(url, answer, "/code", code=self._read_telephone()))

    def _read_telephone(self) -> str:
        end = time.monotonic() + SMS_SECONDS_MAX
        while time.monotonic() < end:
            for message in httpx.get(f"{self.inbox}/api/messages", params={"channel": "sms"}, timeout=10).json()["messages"]:
                found = _DIGITS.search(message["body"])
                if found and message["to"].lstrip("+") == self.holder.phone.lstrip("+"):
                    return found[1]
            time.sleep(0.1)
        raise Lost("no text message came")

    def by_approval(self) -> None:
        """Password, and a number typed on another device, which the same person opened by passkey."""
        url, answer = self._settle_form(self._form(*self._enter(two=True), "/approval"))
        number = _NUMBER.search(answer.body.decode())
        other = FactorVisitor(self._server, self.holder, self.inbox)
        other.by_passkey()
        other.say_yes(number[1] if number else "")
        other.leave()
        self._end(self._form(url, answer, "/approval/done"))

    def say_yes(self, number: str) -> None:
        """Answer the question that waits in the account."""
        home = self._origin + "/account"
        found = _QUESTION.search(self._settle(home, self._get(home))[1].body.decode())
        if found is None:
            raise Lost("no question waits in the account")
        page = self._origin + found[1]
        filled = self._form(page, self._get(page), found[1], match_code=number, decision="grant")
        self._settle_form(filled)


WAYS: Mapping[str, Callable[[FactorVisitor], None]] = {
    "login: passkey": FactorVisitor.by_passkey,
    "login: password and app": FactorVisitor.by_app,
    "login: password and recovery code": FactorVisitor.by_paper,
    "login: password and text message (through notify to the telephone)": FactorVisitor.by_message,
    "login: password and a yes elsewhere (with the passkey sign-in there)": FactorVisitor.by_approval,
}


def measure_factors(server: Server, identity: Identity, inbox: str, many: int) -> dict[str, Measured]:
    """Have so many people sign in once with each way, a few at once."""
    holders, found = make_holders(identity, many), {}
    for name, way in WAYS.items():
        waiting = deque(holders)

        def sign_in(way: Callable[[FactorVisitor], None], waiting: deque[Holder]) -> None:
            try:
                visitor = FactorVisitor(server, waiting.popleft(), inbox)
            except IndexError:
                raise StopIteration from None
            try:
                way(visitor)
            finally:
                visitor.leave()

        acts: list[Act] = [partial(sign_in, way, waiting)] * AT_ONCE
        found[name] = closed_loop(name, acts, 600)
    return found
