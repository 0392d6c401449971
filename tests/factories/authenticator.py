"""A passkey in software: soft-webauthn, with the person verified as a telephone does it."""

import base64
import json
from typing import Any

from bs4 import BeautifulSoup
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.utils import sha256
from soft_webauthn import SoftWebauthnDevice
from werkzeug.test import TestResponse

VERIFIED, BACKED_UP = 0x04, 0x18


def decode(text: str) -> bytes:
    """Read base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data: bytes) -> str:
    """Write base64url."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def options_of(page: TestResponse) -> dict[str, Any]:
    """The options that a page gives the browser."""
    form = BeautifulSoup(page.get_data(as_text=True), "html.parser").select_one("form[data-passkey]")
    assert form is not None
    assert "passkey." in page.get_data(as_text=True).partition("</head>")[0], "without its script the form never shows"
    options: dict[str, Any] = json.loads(str(form["data-passkey"]))
    return options


class Authenticator:
    """One authenticator; `flags` are set in what it signs, `origin` is where it thinks it is."""

    def __init__(self, origin: str, *, flags: int = VERIFIED) -> None:
        self.device = SoftWebauthnDevice()
        self.origin = origin
        self.flags = flags

    def create(self, options: dict[str, Any]) -> str:
        """Make a credential and answer as the page's script does."""
        binary = {**options, "challenge": decode(options["challenge"])}
        binary["user"] = {**options["user"], "id": decode(options["user"]["id"])}
        binary["pubKeyCredParams"] = [{"alg": -7, "type": "public-key"}]
        made = self.device.create({"publicKey": binary}, self.origin)
        attestation = self._with_flags(made["response"]["attestationObject"])
        response = {"clientDataJSON": encode(made["response"]["clientDataJSON"]), "attestationObject": encode(attestation)}
        return self._answer(response)

    def get(self, options: dict[str, Any], **changes: Any) -> str:
        """Use the credential; changes replace members of the client data."""
        self.device.sign_count += 1
        data = {"type": "webauthn.get", "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False, **changes}
        client_data = json.dumps(data).encode()
        head = sha256(self.device.rp_id.encode()) + bytes([0x01 | self.flags]) + self.device.sign_count.to_bytes(4, "big")
        signature = self.device.private_key.sign(head + sha256(client_data), ec.ECDSA(hashes.SHA256()))
        response = {"authenticatorData": encode(head), "clientDataJSON": encode(client_data), "signature": encode(signature)}
        return self._answer({**response, "userHandle": encode(self.device.user_handle)})

    def _answer(self, response: dict[str, str]) -> str:
        name = encode(self.device.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}})

    def _with_flags(self, attestation: bytes) -> bytes:
        from fido2 import cbor

        opened = cbor.decode(attestation)
        data = bytearray(opened["authData"])
        data[32] |= self.flags
        return bytes(cbor.encode({**opened, "authData": bytes(data)}))
