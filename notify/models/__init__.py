"""Tables, a file a noun."""

from notify.models.base import Base
from notify.models.brand import Brand
from notify.models.bulk import BulkChunk, BulkError, BulkJob
from notify.models.callback import CallbackAttempt, CallbackCall, ServiceCallback
from notify.models.contact_list import ContactList
from notify.models.document import Document, MessageAttachment
from notify.models.letter_file import LetterFile
from notify.models.mailbox_message import MailboxMessage
from notify.models.mailbox_reminder import MailboxReminder
from notify.models.message_count import MessageCount
from notify.models.notification import Notification
from notify.models.preference import PersonPreference, PersonSend
from notify.models.price import Price
from notify.models.print_batch import PrintBatch, PrintItem
from notify.models.provider_setting import ProviderSetting
from notify.models.receipt_secret import ReceiptSecret
from notify.models.received_text import InboundNumber, ReceivedText
from notify.models.reminder import Reminder
from notify.models.retention_mark import RetentionMark
from notify.models.service import ApiKey, GuestListEntry, Sender, Service
from notify.models.sms_part import SmsPart
from notify.models.standing import MailTrouble, ServiceStanding
from notify.models.suppression import Suppression
from notify.models.template import Template, TemplateVersion
from notify.models.unsubscribe_request import UnsubscribeRequest
from notify.models.upload import Upload

__all__ = [
    "ApiKey",
    "Base",
    "Brand",
    "BulkChunk",
    "BulkError",
    "BulkJob",
    "CallbackAttempt",
    "CallbackCall",
    "ContactList",
    "Document",
    "GuestListEntry",
    "InboundNumber",
    "LetterFile",
    "MailTrouble",
    "MailboxMessage",
    "MailboxReminder",
    "MessageAttachment",
    "MessageCount",
    "Notification",
    "PersonPreference",
    "PersonSend",
    "Price",
    "PrintBatch",
    "PrintItem",
    "ProviderSetting",
    "ReceiptSecret",
    "ReceivedText",
    "Reminder",
    "RetentionMark",
    "Sender",
    "Service",
    "ServiceCallback",
    "ServiceStanding",
    "SmsPart",
    "Suppression",
    "Template",
    "TemplateVersion",
    "UnsubscribeRequest",
    "Upload",
]
