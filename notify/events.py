"""Audit actions, `source:noun:verb`."""

from enum import StrEnum


class Event(StrEnum):
    """What happened, as the audit log names it."""

    ACCEPTED = "notify:notification:accepted"
    HANDED_OVER = "notify:notification:handed_over"
    PENDING = "notify:notification:pending"
    DELIVERED = "notify:notification:delivered"
    FAILED = "notify:notification:failed"
    EXPIRED = "notify:notification:expired"
    MESSAGE_VIEWED = "notify:notification:viewed"
    MESSAGES_SEARCHED = "notify:service:searched"
    REPORT_TAKEN = "notify:service:report_taken"
    COMPLAINED = "notify:notification:complained"
    SUPPRESSED = "notify:address:suppressed"
    SUPPRESSION_LIFTED = "notify:address:suppression_lifted"
    MAILBOX_READ = "notify:mailbox_message:read"
    SERVICE_REGISTERED = "notify:service:registered"
    SERVICE_CHANGED = "notify:service:changed"
    API_KEY_CREATED = "notify:api_key:created"
    API_KEY_REVOKED = "notify:api_key:revoked"
    SENDER_CHANGED = "notify:sender:changed"
    TEMPLATE_SAVED = "notify:template:saved"
    TEMPLATE_MOVED = "notify:template:moved"
    TEMPLATE_ARCHIVED = "notify:template:archived"
    GUEST_LIST_CHANGED = "notify:guest_list:changed"
    CALLBACK_SET = "notify:callback:set"
