"""A certificate authority of one sandbox's own, for origins on https and for ClaveÚnica's names aliased to this machine.

The authority is good for these names alone (name constraints): whoever trusts it trusts this sandbox and nothing else.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.sandbox.plan import write_private

ALIASES = ("accounts.claveunica.gob.cl", "www.claveunica.gob.cl", "api.claveunica.gob.cl")
"""The host names of code written for ClaveÚnica (CU-1, CU-3)."""
NAMES = ("localhost", *ALIASES)
ADDRESS = ipaddress.IPv4Address("127.0.0.1")
AUTHORITY_LIFE, CERTIFICATE_LIFE, RENEWED_BEFORE = timedelta(days=1825), timedelta(days=397), timedelta(days=30)


@dataclass(frozen=True)
class Files:
    """Where the authority and the certificate lie.  `bundle` is the usual authorities with ours added."""

    folder: Path

    @property
    def authority(self) -> Path:
        """Our authority alone: what browsers and other programs are told to trust."""
        return self.folder / "ca.pem"

    @property
    def bundle(self) -> Path:
        """All authorities that the sandbox's own processes trust."""
        return self.folder / "bundle.pem"

    @property
    def certificate(self) -> Path:
        """The certificate of every origin."""
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        """Its private key."""
        return self.folder / "server-key.pem"


def files_of(sandbox: Path) -> Files:
    """The files of the sandbox in a folder."""
    return Files(sandbox / "tls")


def ensure(sandbox: Path, *, now: datetime | None = None) -> Files:
    """Make what is missing or soon over; the authority stays as long as it is good, so that it is trusted once."""
    files, moment = files_of(sandbox), now or datetime.now(UTC)
    files.folder.mkdir(parents=True, exist_ok=True)
    if _is_good(files.authority, moment) and _is_good(files.certificate, moment):
        return files
    if not _is_good(files.authority, moment):
        _make_authority(files, moment)
    _make_certificate(files, moment)
    files.bundle.write_text(Path(certifi.where()).read_text() + files.authority.read_text())
    return files


def _is_good(path: Path, now: datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return False
    return found.not_valid_after_utc - RENEWED_BEFORE > now


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Andamio sandbox"), x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + life)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _make_authority(files: Files, now: datetime) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("Andamio sandbox authority")
    network = ipaddress.IPv4Network(f"{ADDRESS}/32")
    allowed = [*(x509.DNSName(host) for host in NAMES), x509.IPAddress(network)]
    builder = (
        _begin(name, name, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=allowed, excluded_subtrees=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    _write_key(files.folder / "ca-key.pem", key)
    files.authority.write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))


def _make_certificate(files: Files, now: datetime) -> None:
    authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    signer = load_pem_private_key((files.folder / "ca-key.pem").read_bytes(), password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)  # noqa: S101 - narrows the type of a key that we made
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([*(x509.DNSName(host) for host in NAMES), x509.IPAddress(ADDRESS)])
    builder = (
        _begin(_name("localhost"), authority.subject, key.public_key(), now, CERTIFICATE_LIFE)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
    )
    _write_key(files.key, key)
    files.certificate.write_bytes(builder.sign(signer, SHA256()).public_bytes(Encoding.PEM))
