"""Client certificates as the edge passes them on: read, named by their thumbprint, valid or not.  Spec: RFC 8705 §3, 9440."""

import base64
import binascii
import hashlib
import ipaddress
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from flask import request

if TYPE_CHECKING:
    from shared.settings import ServiceSettings

SIZE_MAX = 16 * 1024


class InvalidCertificate(ValueError):
    """What the edge sent is no certificate."""


def read_certificate(header: str) -> Certificate:
    """Read the header of the edge: `:base64 of the DER:` (RFC 9440), or PEM with percent signs as nginx writes it.

    Raises: InvalidCertificate.
    """
    if len(header) > SIZE_MAX:
        raise InvalidCertificate("the certificate is too long")
    try:
        if header.startswith(":") and header.endswith(":"):
            return x509.load_der_x509_certificate(base64.b64decode(header[1:-1], validate=True))
        return x509.load_pem_x509_certificate(unquote(header).encode("ascii"))
    except (ValueError, binascii.Error):
        raise InvalidCertificate("the certificate cannot be read") from None


def thumbprint(certificate: Certificate) -> str:
    """Return the value of `x5t#S256`: base64url of the SHA-256 of the DER."""
    return base64.urlsafe_b64encode(hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()).rstrip(b"=").decode()


def is_valid_at(certificate: Certificate, now: datetime) -> bool:
    """Answer whether a moment lies within the certificate's dates."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def shown_certificate(settings: "ServiceSettings") -> Certificate | None:
    """Return the certificate that the edge saw; from any other sender the header says nothing.  Raises: InvalidCertificate."""
    before_proxies = request.environ.get("werkzeug.proxy_fix.orig", {})
    sender = before_proxies.get("REMOTE_ADDR") or request.remote_addr
    header = request.headers.get(settings.client_certificate_header) if settings.client_certificate_header else None
    return read_certificate(header) if header and _is_edge(sender or "", settings.edge_addresses) else None


def _is_edge(sender: str, edges: Sequence[str]) -> bool:
    """Answer whether an address is one of the edge's; a network of it (`10.1.0.0/16`) is all of its addresses."""
    try:
        return any(ipaddress.ip_address(sender) in ipaddress.ip_network(edge) for edge in edges)
    except ValueError:
        return False
