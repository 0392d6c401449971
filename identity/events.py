"""Names of what happens here: `identity:noun:verb`, for the audit log."""

from enum import StrEnum


class Event(StrEnum):
    """Every act that leaves an audit row, and every move of a state table."""

    LOGIN_SUCCEEDED = "identity:login:succeeded"
    LOGIN_FAILED = "identity:login:failed"
    LOGIN_BLOCKED = "identity:login:blocked"
    PASSWORD_SET = "identity:password:set"  # noqa: S105 - a name of an event
    PASSWORD_REHASHED = "identity:password:rehashed"  # noqa: S105 - as above
    TOTP_ADDED = "identity:totp:added"
    TOTP_REMOVED = "identity:totp:removed"
    PASSKEY_ADDED = "identity:passkey:added"
    PASSKEY_REMOVED = "identity:passkey:removed"
    PASSKEY_COUNT_WENT_BACK = "identity:passkey:count-went-back"
    RECOVERY_CODES_MADE = "identity:recovery-codes:made"
    RECOVERY_CODE_USED = "identity:recovery-code:used"
    MESSAGE_CODE_SENT = "identity:message-code:sent"
    CONTACT_CHANGED = "identity:contact:changed"
    LOGIN_DISOWNED = "identity:login:disowned"
    RELEASE_WITHDRAWN = "identity:release:withdrawn"
    PERSON_CREATED = "identity:person:created"
    PERSON_PROOFED = "identity:person:proofed"
    PERSON_STATE_CHANGED = "identity:person:state-changed"
    SESSION_ENDED = "identity:session:ended"
    LOGOUT_NOTICE_DELIVERED = "identity:logout-notice:delivered"
    LOGOUT_NOTICE_FAILED = "identity:logout-notice:failed"
    LOGOUT_ASKED = "identity:logout:asked"
    INTERACTION_RECEIVED = "identity:interaction:received"
    INTERACTION_STARTED = "identity:interaction:started"
    INTERACTION_IDENTIFIED = "identity:interaction:identified"
    INTERACTION_AUTHENTICATED = "identity:interaction:authenticated"
    INTERACTION_FINISHED = "identity:interaction:finished"
    INTERACTION_REFUSED = "identity:interaction:refused"
    INTERACTION_EXPIRED = "identity:interaction:expired"
    CODE_ISSUED = "identity:code:issued"
    CODE_REUSED = "identity:code:reused"
    TOKEN_ISSUED = "identity:token:issued"  # noqa: S105 - as above
    TOKEN_REFUSED = "identity:token:refused"  # noqa: S105 - as above
    TOKEN_REVOKED = "identity:token:revoked"  # noqa: S105 - as above
    REFRESH_REUSED = "identity:refresh-token:reused"
    REQUEST_PUSHED = "identity:request:pushed"
    TOKEN_EXCHANGED = "identity:token:exchanged"  # noqa: S105 - as above
    EXCHANGE_EDGE_MADE = "identity:exchange-edge:made"
    CLAIMS_RELEASED = "identity:claims:released"
    RELEASE_GIVEN = "identity:release:given"
    KEY_CREATED = "identity:key:created"
    KEY_ACTIVATED = "identity:key:activated"
    KEY_RETIRED = "identity:key:retired"
    KEY_REMOVED = "identity:key:removed"
    ORGANISATION_CREATED = "identity:organisation:created"
    SERVICE_CREATED = "identity:service:created"
    CLIENT_CREATED = "identity:client:created"
    CLIENT_SECRET_ADDED = "identity:client-secret:added"  # noqa: S105 - as above
    REMOTE_ASKED = "identity:remote-request:asked"
    REMOTE_APPROVED = "identity:remote-request:approved"
    REMOTE_DENIED = "identity:remote-request:denied"
    REMOTE_EXPIRED = "identity:remote-request:expired"
    REMOTE_REDEEMED = "identity:remote-request:redeemed"
    REMOTE_BLOCKED = "identity:remote-request:blocked"
    CLIENT_REGISTERED = "identity:client:registered"
    CLIENT_CHANGED = "identity:client:changed"
    CLIENT_DELETED = "identity:client:deleted"
    INITIAL_TOKEN_MADE = "identity:initial-token:made"  # noqa: S105 - as above
    MEMBER_ADDED = "identity:member:added"
