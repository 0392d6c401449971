"""How a mailbox message is shown."""

from notify.operations.mailbox import MailboxItemRead
from notify.standards.email_markdown import to_html
from notify.standards.wire_time import wire_time


def show_item(item: MailboxItemRead) -> dict[str, object]:
    """Give one message; `html` is safe to place into a page as it is."""
    return {
        "id": str(item.id),
        "from": item.sender,
        "subject": item.subject,
        "body": item.body,
        "html": to_html(item.body),
        "created_at": wire_time(item.created_at),
        "read_at": wire_time(item.read_at),
    }
