"""Client certificates, compared with what a client registered.  Spec: RFC 8705 §2, 4514, identity-oidc §2.15."""

import ipaddress
from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import Certificate
from joserfc.jwk import ECKey, Key, RSAKey

SUBJECT_DN = "tls_client_auth_subject_dn"
SAN_KINDS: Mapping[str, type[x509.GeneralName]] = {
    "tls_client_auth_san_dns": x509.DNSName,
    "tls_client_auth_san_uri": x509.UniformResourceIdentifier,
    "tls_client_auth_san_ip": x509.IPAddress,
    "tls_client_auth_san_email": x509.RFC822Name,
}
KINDS = (SUBJECT_DN, *SAN_KINDS)
"""What a client may register of its certificate: exactly one of these."""


def fault_of_subject(kind: str, value: str) -> str | None:
    """Return what is wrong with a subject that a client wants to register, or None."""
    try:
        _wanted(kind, value)
    except (ValueError, KeyError):
        return "must be one tls_client_auth_* member with a value of its kind"
    return None


def _wanted(kind: str, value: str) -> object:
    if kind == SUBJECT_DN:
        return x509.Name.from_rfc4514_string(value)
    return ipaddress.ip_address(value) if SAN_KINDS[kind] is x509.IPAddress else value


def has_subject(certificate: Certificate, kind: str, value: str) -> bool:
    """Answer whether a certificate has the registered subject; names are compared as parsed, not as texts."""
    wanted = _wanted(kind, value)
    if kind == SUBJECT_DN:
        return certificate.subject == wanted
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return any(isinstance(name, SAN_KINDS[kind]) and name.value == wanted for name in names)


def has_key_of(certificate: Certificate, keys: Mapping[str, Key]) -> bool:
    """Answer whether a self-signed certificate is of one of a client's registered keys."""
    public = certificate.public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        return False
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mine = (ECKey if isinstance(public, ec.EllipticCurvePublicKey) else RSAKey).import_key(pem).thumbprint()
    return any(key.thumbprint() == mine for key in keys.values())
