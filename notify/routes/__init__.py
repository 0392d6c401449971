"""HTTP in, HTTP out; a file a resource."""

from notify.routes.brands import brands
from notify.routes.bulk import bulk
from notify.routes.callbacks import callbacks
from notify.routes.console import brands as console_brands
from notify.routes.console import callbacks as console_callbacks
from notify.routes.console import contact_lists as console_contact_lists
from notify.routes.console import letters as console_letters
from notify.routes.console import limits as console_limits
from notify.routes.console import messages as console_messages
from notify.routes.console import prices as console_prices
from notify.routes.console import providers as console_providers
from notify.routes.console import received as console_received
from notify.routes.console import reminders as console_reminders
from notify.routes.console import sending as console_sending
from notify.routes.console import sending_rules as console_sending_rules
from notify.routes.console import services as console_services
from notify.routes.console import settings as console_settings
from notify.routes.console import standing as console_standing
from notify.routes.console import templates as console_templates
from notify.routes.console import uploads as console_uploads
from notify.routes.documents import documents
from notify.routes.letter_events import letter_events
from notify.routes.mailbox import mailbox
from notify.routes.mailbox_pages import mailbox_pages
from notify.routes.networks import networks
from notify.routes.notifications import notifications
from notify.routes.onboarding import onboarding
from notify.routes.people import people
from notify.routes.receipts import receipts
from notify.routes.received_texts import received_texts
from notify.routes.sends import sends
from notify.routes.template_edits import template_edits
from notify.routes.templates import templates
from notify.routes.unsubscribe import unsubscribe
from shared.routes import Routes
from shared.web.login import login_blueprint

MACHINES = (
    sends,
    bulk,
    notifications,
    templates,
    template_edits,
    received_texts,
    unsubscribe,
    documents,
    callbacks,
    people,
    networks,
    letter_events,
    receipts,
    mailbox,
)
CONSOLE = (
    console_services.bp,
    console_templates.bp,
    console_sending.bp,
    console_uploads.bp,
    console_contact_lists.bp,
    console_messages.bp,
    console_settings.bp,
    console_providers.bp,
    console_prices.bp,
    console_standing.bp,
    console_reminders.bp,
    console_brands.bp,
    console_callbacks.bp,
    console_sending_rules.bp,
    console_received.bp,
    console_letters.bp,
    console_limits.bp,
)


def all_routes() -> list[Routes]:
    """Return the blueprints of notify; signing in is made anew for each app, since it keeps state with its app."""
    return [*MACHINES, brands, mailbox_pages, onboarding, *CONSOLE, login_blueprint(scopes=("profile", "roles", "run"))]
