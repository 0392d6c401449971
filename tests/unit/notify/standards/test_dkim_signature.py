"""Signatures that others verify: with dkimpy, which shares no signing code with ours.  Spec: RFC 6376, RFC 8463, RFC 8301."""

import base64
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from notify.standards.dkim_signature import Signer
from notify.standards.mime import Mail, message

NOW = datetime(2026, 6, 8, 16, 0, tzinfo=UTC)
MAIL = Mail(
    reference="0190a7c0-0000-7000-8000-000000000001",
    to="camila@example.com",
    from_name="Colegio Ñuñoa",
    from_address="colegio@notify.example.com",
    subject="Recibo — ñandú " + "muy largo " * 20,
    plain_text="Hola\n.\n\n\n",
    html="<p>Hola  ñ</p>",
    unsubscribe_url="https://example.com/u",
    sent_at=NOW,
)
RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def record(name: bytes, timeout: int = 5) -> bytes:
    assert name == b"s1._domainkey.notify.example.com."
    public = RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def signed(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey = RSA) -> bytes:
    return Signer(pem(key), domain="notify.example.com", selector="s1").sign(message(MAIL).as_bytes(), NOW)


def test_others_can_verify_it() -> None:
    assert dkim.verify(signed(), dnsfunc=record)


def test_ed25519_is_what_rfc_8463_says() -> None:
    raw = signed(ED25519)
    assert b"a=ed25519-sha256" in raw
    head = raw.split(b"\r\nFrom:")[0].replace(b"\r\n\t", b"")
    signature = base64.b64decode(head.rpartition(b"b=")[2].replace(b" ", b""))
    assert len(signature) == 64


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Hola", b"Adios"),
        (b"\r\nTo: camila@example.com", b"\r\nTo: kevin@example.com"),
        (b"From: ", b"From: evil@example.com\r\nFrom: "),
        (b"List-Unsubscribe: <https://example.com/u>", b"List-Unsubscribe: <https://evil.example/u>"),
    ],
)
def test_what_is_changed_on_the_way_is_found(before: bytes, after: bytes) -> None:
    raw = signed()
    assert before in raw
    assert not dkim.verify(raw.replace(before, after, 1), dnsfunc=record)


def test_only_keys_that_receivers_accept_are_taken() -> None:
    for key in (pem(rsa.generate_private_key(65537, 1024)), pem(ec.generate_private_key(ec.SECP256R1())), "nonsense"):
        with pytest.raises(ValueError, match=r".+"):
            Signer(key, domain="example.com", selector="s")
