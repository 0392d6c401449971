"""Tables, a file a noun."""

from notify.models.base import Base
from notify.models.callback import ServiceCallback
from notify.models.letter_file import LetterFile
from notify.models.mailbox_message import MailboxMessage
from notify.models.message_count import MessageCount
from notify.models.notification import Notification
from notify.models.service import ApiKey, GuestListEntry, Sender, Service
from notify.models.suppression import Suppression
from notify.models.template import Template, TemplateVersion

__all__ = [
    "ApiKey",
    "Base",
    "GuestListEntry",
    "LetterFile",
    "MailboxMessage",
    "MessageCount",
    "Notification",
    "Sender",
    "Service",
    "ServiceCallback",
    "Suppression",
    "Template",
    "TemplateVersion",
]
