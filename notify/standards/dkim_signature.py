"""DKIM: the domain answers for what it sends.  Spec: RFC 6376 (relaxed/relaxed), RFC 8463 (Ed25519), RFC 8301 (RSA of 2048 bits and more).

The signature itself is made with `cryptography`: dkimpy's own takes ten times as long; its canonical forms are used here, and
the tests verify with it.
"""

import base64
import hashlib
import re
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from dkim.canonicalization import Relaxed

SIGNED = (
    *("from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "content-type"),
    *("list-unsubscribe", "list-unsubscribe-post", "x-notification-id", "x-notification-return"),
)
_HEADER = re.compile(rb"([!-9;-~]+):((?:[^\r\n]|\r\n[ \t])*)\r\n")
_WIDTH = 72


class Signer:
    """Signs messages of one domain with one key; `selector` names the record that holds its public part."""

    def __init__(self, pem: str, *, domain: str, selector: str) -> None:
        """Raises: ValueError for a key that cannot sign mail."""
        key = load_pem_private_key(pem.encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
            raise ValueError("a DKIM key is RSA or Ed25519")  # noqa: TRY004 - what was given is of the right type and of no use
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size < 2048:
            raise ValueError("a DKIM key of RSA has 2048 bits or more")
        self._key = key
        self._domain = domain
        self._selector = selector

    def sign(self, message: bytes, now: datetime) -> bytes:
        """Give a message, its lines ended by CRLF, with the signature's header in front."""
        head, _, body = message.partition(b"\r\n\r\n")
        headers = [(name.lower(), value) for name, value in _HEADER.findall(head + b"\r\n")]
        chosen = [(name, value) for wanted in SIGNED for name, value in headers if name == wanted.encode()]
        # `from` once more than it is there: another From header put in on the way breaks the signature (§5.4.2).
        names = b":".join([*(name for name, _ in chosen), b"from"])
        body_hash = base64.b64encode(hashlib.sha256(Relaxed.canonicalize_body(body)).digest())
        algorithm = b"rsa-sha256" if isinstance(self._key, rsa.RSAPrivateKey) else b"ed25519-sha256"
        value = b" v=1; a=%s; c=relaxed/relaxed; d=%s; s=%s; t=%d;\r\n\th=%s;\r\n\tbh=%s;\r\n\tb=" % (
            *(algorithm, self._domain.encode(), self._selector.encode(), int(now.timestamp())),
            *(names.replace(b":", b":\r\n\t ") if len(names) > _WIDTH else names, body_hash),
        )
        return b"DKIM-Signature:" + value + _folded(self._signed(chosen, value)) + b"\r\n" + message

    def _signed(self, chosen: list[tuple[bytes, bytes]], value: bytes) -> bytes:
        canonical = [name + b":" + content for name, content in _relaxed(chosen)]
        ((_, own),) = _relaxed([(b"dkim-signature", value)])
        data = b"".join(canonical) + b"dkim-signature:" + own.rstrip(b"\r\n")
        if isinstance(self._key, rsa.RSAPrivateKey):
            return base64.b64encode(self._key.sign(data, padding.PKCS1v15(), SHA256()))
        return base64.b64encode(self._key.sign(hashlib.sha256(data).digest()))


def _relaxed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = Relaxed.canonicalize_headers([(name, value + b"\r\n") for name, value in headers])
    return found


def _folded(text: bytes) -> bytes:
    return b"\r\n\t ".join(text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH))
