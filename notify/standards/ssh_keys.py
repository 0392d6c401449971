"""Keys of SSH as people write them down.  Spec: RFC 4253 §6.6, RFC 4716; OpenSSH's private key form."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key, load_ssh_public_key


def is_private_key(pem: str) -> bool:
    """Tell whether a text is a private key without a passphrase."""
    for load in (load_ssh_private_key, load_pem_private_key):
        try:
            load(pem.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        return True
    return False


def is_host_key(line: str) -> bool:
    """Tell whether a line is a public key written `type base64`."""
    try:
        load_ssh_public_key(line.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True
