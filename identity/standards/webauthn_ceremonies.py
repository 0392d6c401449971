"""Passkeys: options for the browser, and what comes back.  Spec: WebAuthn Level 3 §7, identity-oidc WA-1…WA-4.

A challenge is not stored: it carries when it was given, for which interaction, and our mark, and is used once.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import webauthn
from webauthn.helpers import options_to_json
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

LIFE_SECONDS = 300
CREDENTIAL_ID_BYTES_MAX = 1_023
CREDENTIAL_CHARACTERS_MAX = 20_000
_ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]


class NotAccepted(Exception):
    """What the browser sent proves nothing; the text names the check and is for logs."""


@dataclass(frozen=True)
class Made:
    """A new credential."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True)
class Used:
    """A credential that was used."""

    sign_count: int
    backed_up: bool


def make_challenge(key: bytes, *, purpose: str, nonce: bytes, now: int) -> bytes:
    """Return a challenge for one purpose (an interaction, or a person who adds a passkey): 40 bytes."""
    head = now.to_bytes(8, "big") + nonce[:16]
    return head + _mark(key, purpose, head)


def check_challenge(key: bytes, challenge: bytes, *, purpose: str, now: int) -> None:
    """Raises: NotAccepted for one that is not ours, for something else, or older than five minutes."""
    head, mark = challenge[:24], challenge[24:]
    if len(challenge) != 40 or not hmac.compare_digest(mark, _mark(key, purpose, head)):
        raise NotAccepted("challenge")
    if not 0 <= now - int.from_bytes(head[:8], "big") <= LIFE_SECONDS:
        raise NotAccepted("challenge expired")


def _mark(key: bytes, purpose: str, head: bytes) -> bytes:
    return hmac.digest(key, purpose.encode() + b"|" + head, "sha256")[:16]


def creation_options(*, rp_id: str, rp_name: str, handle: bytes, name: str, challenge: bytes, known: Iterable[bytes]) -> str:
    """Return the options for `navigator.credentials.create` as JSON; `known` credentials are not made twice."""
    options = webauthn.generate_registration_options(
        rp_id=rp_id,
        rp_name=rp_name,
        user_id=handle,
        user_name=name,
        user_display_name=name,
        challenge=challenge,
        timeout=LIFE_SECONDS * 1000,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=credential_id) for credential_id in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        supported_pub_key_algs=_ALGORITHMS,
    )
    return str(options_to_json(options))


def request_options(*, rp_id: str, challenge: bytes, allowed: Iterable[bytes] = ()) -> str:
    """Return the options for `navigator.credentials.get` as JSON; none allowed means whatever the browser holds for us."""
    options = webauthn.generate_authentication_options(
        rp_id=rp_id,
        challenge=challenge,
        timeout=LIFE_SECONDS * 1000,
        allow_credentials=[PublicKeyCredentialDescriptor(id=credential_id) for credential_id in allowed],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return str(options_to_json(options))


def challenge_of(credential: str) -> bytes:
    """Return the challenge that a browser's answer claims to be for.  Raises: NotAccepted."""
    try:
        data = json.loads(_decode(_document(credential)["response"]["clientDataJSON"]))
        return _decode(data["challenge"])
    except (KeyError, TypeError, ValueError):
        raise NotAccepted("client data") from None


def credential_id_of(credential: str) -> bytes:
    """Return the credential's id as the browser sent it.  Raises: NotAccepted."""
    try:
        found = _decode(_document(credential)["rawId"])
    except (KeyError, TypeError, ValueError):
        raise NotAccepted("id") from None
    if not 1 <= len(found) <= CREDENTIAL_ID_BYTES_MAX:
        raise NotAccepted("id length")
    return found


def verify_made(credential: str, *, challenge: bytes, rp_id: str, origins: list[str]) -> Made:
    """Check a new credential: type, challenge, origin, domain, presence, verification, algorithm (WA-2).  Raises: NotAccepted."""
    credential_id_of(credential)
    try:
        found = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origins,
            require_user_verification=True,
            supported_pub_key_algs=_ALGORITHMS,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise NotAccepted(type(error).__name__) from None
    eligible = found.credential_device_type == CredentialDeviceType.MULTI_DEVICE
    return Made(found.credential_id, found.credential_public_key, found.sign_count, eligible, found.credential_backed_up)


def verify_used(credential: str, *, challenge: bytes, rp_id: str, origins: list[str], public_key: bytes) -> Used:
    """Check a use of a credential (WA-3).  A count that goes backwards is the caller's to notice.  Raises: NotAccepted."""
    try:
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origins,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise NotAccepted(type(error).__name__) from None
    return Used(found.new_sign_count, found.credential_backed_up)


def challenge_mark(challenge: bytes) -> str:
    """Return the name under which a challenge is used up."""
    return "challenge|" + hashlib.sha256(challenge).hexdigest()


def _document(credential: str) -> Any:  # what a browser sent, of any shape: each use checks
    if len(credential) > CREDENTIAL_CHARACTERS_MAX:
        raise NotAccepted("too long")
    found = json.loads(credential)
    if not isinstance(found, dict):
        raise NotAccepted("not an object")
    return found


def _decode(text: object) -> bytes:
    if not isinstance(text, str):
        raise TypeError("not a text")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
