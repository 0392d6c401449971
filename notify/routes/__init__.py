"""HTTP in, HTTP out; a file a resource."""

from notify.routes.mailbox import mailbox
from notify.routes.notifications import notifications
from notify.routes.receipts import receipts
from notify.routes.sends import sends
from notify.routes.template_edits import template_edits
from notify.routes.templates import templates

ALL = (sends, notifications, templates, template_edits, receipts, mailbox)
