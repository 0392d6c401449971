"""The edge's certificate, as `andamio doctor` looks at it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from deploy.install.finding import Finding
from deploy.services import SERVICES

WARNING = timedelta(days=21)
ASKING = ("mtls", "mtls-notify", "mtls-pay", "mtls-wallet")
"""Names at which the edge asks for a client's certificate."""


def examine(folder: Path) -> Iterator[Finding]:
    """Say whether the edge can start with what lies there, and serve every name."""
    chain, key = folder / "edge" / "tls" / "fullchain.pem", folder / "edge" / "tls" / "privkey.pem"
    if not chain.exists() or not key.exists():
        yield Finding("fault", f"There is no certificate: put fullchain.pem and privkey.pem into {chain.parent}.")
        return
    try:
        certificate = x509.load_pem_x509_certificates(chain.read_bytes())[0]
        private = key.read_bytes()
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except PermissionError as fault:
        yield Finding("warning", f"{fault.filename} cannot be read by you, so it was not looked at: ask again as root.")
        return
    except (ValueError, x509.ExtensionNotFound):
        yield Finding("fault", f"{chain} is not a certificate with names in PEM form.")
        return
    yield from _key_of(certificate, private, key)
    domain = dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines() if "=" in line).get("ANDAMIO_DOMAIN", "")

    def missing_of(wanted: Iterable[str]) -> list[str]:
        return [] if f"*.{domain}" in names else [f"{name}.{domain}" for name in wanted if f"{name}.{domain}" not in names]

    missing = missing_of(SERVICES)
    if missing:
        yield Finding("fault", f"The certificate does not name {', '.join(missing)}.")
    elif asking := missing_of(ASKING):
        yield Finding("warning", f"The certificate does not name {', '.join(asking)}: clients cannot come there with one of their own.")
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    if left < timedelta(0):
        yield Finding("fault", "The certificate has run out: renew it.")
    elif left < WARNING:
        yield Finding("warning", f"The certificate runs out in {left.days} days: is its renewal set up?")
    elif not missing:
        yield Finding("ok", f"The certificate names all four services and is good for {left.days} days.")


def _key_of(certificate: x509.Certificate, pem: bytes, path: Path) -> Iterator[Finding]:
    try:
        fits = load_pem_private_key(pem, password=None).public_key() == certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: a passphrase is asked for
        yield Finding("fault", f"{path} is not a private key in PEM form without a passphrase.")
        return
    if not fits:
        yield Finding("fault", f"{path} is not the key of the certificate beside it: the edge does not start with the two.")
