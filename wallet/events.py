"""Audit actions, `source:noun:verb`, and the words of the access log.  Spec: wallet contract §4, §10.1."""

from enum import StrEnum


class Event(StrEnum):
    """What happened, as the audit log names it."""

    REQUEST_REQUESTED = "wallet:request:requested"
    REQUEST_DEFERRED = "wallet:request:deferred"
    REQUEST_GRANTED = "wallet:request:granted"
    REQUEST_REFUSED = "wallet:request:refused"
    REQUEST_CANCELLED = "wallet:request:cancelled"
    REQUEST_LAPSED = "wallet:request:lapsed"
    REQUEST_DEPENDENCY_LOST = "wallet:request:dependency_lost"

    CONSENT_GRANTED = "wallet:consent:granted"
    CONSENT_USED = "wallet:consent:used"
    CONSENT_SUSPENDED = "wallet:consent:suspended"
    CONSENT_RESUMED = "wallet:consent:resumed"
    CONSENT_WITHDRAWN = "wallet:consent:withdrawn"
    CONSENT_REVOKED = "wallet:consent:revoked"
    CONSENT_EXPIRED = "wallet:consent:expired"
    CONSENT_RENEWED = "wallet:consent:renewed"
    CONSENT_DEPENDENCY_LOST = "wallet:consent:dependency_lost"

    ERASURE_REPORTED = "wallet:erasure:reported"
    ENQUIRY_OPENED = "wallet:enquiry:opened"
    ENQUIRY_ANSWERED = "wallet:enquiry:answered"
    ENQUIRY_ACCEPTED = "wallet:enquiry:accepted"
    ENQUIRY_ESCALATED = "wallet:enquiry:escalated"
    ENQUIRY_CLOSED = "wallet:enquiry:closed"
    DELAY_ALLOWED = "wallet:visibility:delay_allowed"
    DELAY_PROLONGED = "wallet:visibility:prolonged"
    STREAM_CHANGED = "wallet:stream:changed"
    DATASET_RETIRED = "wallet:dataset:retired"
    PURPOSE_RETIRED = "wallet:purpose:retired"

    AGREEMENT_PROPOSED = "wallet:agreement:proposed"
    AGREEMENT_SIGNED = "wallet:agreement:signed"
    AGREEMENT_SUSPENDED = "wallet:agreement:suspended"
    AGREEMENT_RESUMED = "wallet:agreement:resumed"
    AGREEMENT_TERMINATED = "wallet:agreement:terminated"
    AGREEMENT_EXPIRED = "wallet:agreement:expired"
    AGREEMENT_SUPERSEDED = "wallet:agreement:superseded"

    ORGANISATION_REGISTERED = "wallet:organisation:registered"
    CLIENT_REGISTERED = "wallet:client:registered"
    DATASET_ACTIVATED = "wallet:dataset:activated"
    PURPOSE_ACTIVATED = "wallet:purpose:activated"
    PROCEDURE_REGISTERED = "wallet:procedure:registered"
    NOTICE_PUBLISHED = "wallet:notice:published"
    KEY_MADE = "wallet:key:made"
    KEY_ACTIVATED = "wallet:key:activated"
    KEY_RETIRED = "wallet:key:retired"


class Outcome(StrEnum):
    """What an entry of the access log says came of an access."""

    ATTEMPT = "attempt"
    RELEASED = "released"
    NO_RECORD = "no_record"
    DENIED = "denied"
    REJECTED = "rejected"
    FAILED = "failed"
