"""Which files of messages stand in the bucket, and which of them go with their message."""

from sqlalchemy import ColumnElement, select

from notify.context import Notify
from notify.models.document import MessageAttachment, attachment_name
from notify.models.letter_file import LetterFile, letter_name
from notify.models.mailbox_message import MailboxMessage


def not_in_mailbox() -> ColumnElement[bool]:
    """Tell attachments that go with their message from those of mailbox messages, which stay as long as the person keeps those."""
    return ~select(MailboxMessage.notification_id).where(MailboxMessage.notification_id == MessageAttachment.notification_id).exists()


def attachments_outside(notify: Notify, which: ColumnElement[bool]) -> set[str]:
    """Name the attachments that stand in the bucket."""
    table = MessageAttachment
    with notify.reading() as tx:
        rows = tx.connection.execute(select(table.notification_id, table.position).where(which, table.sealed == b"")).all()
    return {attachment_name(*row) for row in rows}


def letters_outside(notify: Notify, which: ColumnElement[bool]) -> set[str]:
    """Name the letters whose pages stand in the bucket."""
    with notify.reading() as tx:
        keys = tx.connection.execute(select(LetterFile.notification_id).where(which, LetterFile.pdf_sealed == b"")).scalars()
        return {letter_name(key) for key in keys}
