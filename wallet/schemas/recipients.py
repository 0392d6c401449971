"""Bodies of a recipient's calls about its consents.  Spec: wallet contract §5.3, §5.4."""

from marshmallow import Schema, fields, validate

from wallet.models.erasure import Erasure
from wallet.operations.recipients import Change, Held
from wallet.schemas.fields import Instant
from wallet.standards.consent_record import instant

REASONS = ("no_longer_needed", "procedure_closed", "mistake", "other")
GROUND_CHARACTERS_MAX = 300


class TerminateSchema(Schema):
    """The body of `POST /consents/{id}/terminate`; the person sees the reason."""

    reason_code = fields.String(load_default="no_longer_needed", validate=validate.OneOf(REASONS))


class ErasureSchema(Schema):
    """The body of `POST /consents/{id}/erasure`: `erased` with its time, or `kept` with the law behind it."""

    outcome = fields.String(required=True, validate=validate.OneOf(["erased", "kept"]))
    at = Instant()
    ground = fields.String(validate=validate.Length(min=1, max=GROUND_CHARACTERS_MAX))


def render_held(held: Held) -> dict[str, object]:
    """Return a consent as its recipient sees it."""
    return {
        "consent_id": str(held.consent_id),
        "consent_version": held.consent_version,
        "chain_id": str(held.chain_id),
        "state": held.state,
        "state_since": instant(held.state_since),
        "dataset_id": held.dataset_id,
        "purpose_id": held.purpose_id,
        "agreement_id": held.agreement_id,
        "fields": held.fields,
        "mode": held.mode,
        "valid_from": instant(held.valid_from),
        "valid_until": instant(held.valid_until),
        "uses": held.uses,
        "max_uses": held.max_uses,
        "snapshot_sha256": held.snapshot_sha256,
    }


def render_change(change: Change) -> dict[str, object]:
    """Return a change."""
    row = {"cursor": str(change.cursor), "consent_id": str(change.consent_id), "consent_version": change.consent_version}
    return {**row, "type": change.type, "state": change.state, "at": instant(change.at)}


def render_erasure(task: Erasure) -> dict[str, object]:
    """Return an erasure task."""
    body = {"consent_id": str(task.consent_id), "state": task.state, "due_at": instant(task.due_at)}
    return {
        **body,
        **({"ground": task.ground} if task.ground else {}),
        **({"closed_at": instant(task.closed_at)} if task.closed_at else {}),
    }
