"""The key a client shows that it holds, to which its tokens are bound: by DPoP or by its certificate (§2.14, §2.15)."""

import base64
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.errors import InvalidDpopProof, OAuthError, UseDpopNonce
from identity.models.base import table_of
from identity.models.client import Binding
from identity.models.client_store import KnownClient
from identity.models.grant import UsedProof
from identity.operations.calls import Call
from identity.standards import discovery
from shared import dpop
from shared.certificates import thumbprint
from shared.dpop import Proof
from shared.transaction import Transaction

NONCE_SECONDS = 300
NONCE_STEP_SECONDS = 60
PROOFS = table_of(UsedProof)
_REMEMBER = insert(PROOFS).on_conflict_do_nothing().returning(PROOFS.c.proof_hash)


@dataclass(frozen=True)
class HeldKey:
    """A key that was shown in this call; without `proof` it is the one of the certificate."""

    cnf: dict[str, str]
    proof: Proof | None = None

    @property
    def jkt(self) -> str | None:
        """The thumbprint of a DPoP key."""
        return self.cnf.get("jkt")


def read_held_key(identity: Identity, call: Call, client: KnownClient, *, needed: bool = True) -> HeldKey | None:
    """Return the key to which the tokens of this call are bound; None where they are not.

    `needed` is False where nothing is issued yet (PAR).  Raises: InvalidDpopProof, UseDpopNonce.
    """
    if client.policy.binding is Binding.NEVER:
        return None
    if call.proof is not None:
        proof = read_proof(identity, call, nonce_needed=client.dpop_nonce_required)
        return HeldKey({"jkt": proof.jkt}, proof)
    by_certificate = client.must_bind or client.auth_method in discovery.MTLS_METHODS
    if call.certificate is not None and by_certificate:
        return HeldKey({"x5t#S256": thumbprint(call.certificate)})
    if client.must_bind and needed:
        raise InvalidDpopProof("this client's tokens are bound to a key: send a DPoP proof or a client certificate")
    return None


def read_proof(identity: Identity, call: Call, *, nonce_needed: bool = False, access_token: str | None = None) -> Proof:
    """Return the proof of a call.  Raises: InvalidDpopProof, UseDpopNonce."""
    if call.proof is None:
        raise InvalidDpopProof("the DPoP proof is missing")
    try:
        proof = dpop.check_proof(
            call.proof, method=call.method, uris=call.uris, now=identity.clock.now().timestamp(), access_token=access_token
        )
    except dpop.InvalidProof as error:
        raise InvalidDpopProof(f"the DPoP proof was refused: {error}") from None
    if (proof.nonce is None and nonce_needed) or (proof.nonce is not None and not _is_fresh(identity, proof.nonce)):
        raise UseDpopNonce("repeat with the nonce of this answer")
    return proof


def use_proof(tx: Transaction, proof: Proof | None, *, refusal: type[OAuthError] = InvalidDpopProof) -> None:
    """Remember a proof; the second use finds it there (DP-4).  Raises: the refusal."""
    if proof is None:
        return
    row = {"proof_hash": proof.fingerprint, "expires_at": datetime.fromtimestamp(proof.expires_at, UTC)}
    if tx.connection.execute(_REMEMBER, row).first() is None:
        raise refusal("the DPoP proof was used before")


def fresh_nonce(identity: Identity) -> str:
    """Return a nonce for the next proof: nothing is stored, it is the time under a key of ours (DP-6)."""
    return _nonce(identity, int(identity.clock.now().timestamp()) // NONCE_STEP_SECONDS)


def _nonce(identity: Identity, step: int) -> str:
    mark = step.to_bytes(6, "big")
    signed = identity.cipher.blind_index(mark.hex(), purpose="dpop-nonce")[:18]
    return base64.urlsafe_b64encode(mark + signed).decode()


def _is_fresh(identity: Identity, nonce: str) -> bool:
    """Answer whether a nonce is one of the last five minutes."""
    present = int(identity.clock.now().timestamp()) // NONCE_STEP_SECONDS
    recent = range(present - NONCE_SECONDS // NONCE_STEP_SECONDS, present + 1)
    return any(hmac.compare_digest(_nonce(identity, step), nonce) for step in recent)
