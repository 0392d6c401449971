"""Blueprints, a file a resource: HTTP in, HTTP out."""

from shared.routes import Routes
from shared.web.login import login_blueprint
from wallet.routes import (
    access_log,
    account_events,
    agreements,
    auditor,
    consent_flows,
    consent_requests,
    consents,
    console,
    decisions,
    delegations,
    directory,
    enquiries,
    exchange,
    grants,
    history,
    mailbox,
    notices,
    onboarding,
    previews,
    receipts,
    recipients,
    registry,
    reports,
    status_lists,
    streams,
    tokens,
    usages,
)
from wallet.routes.people import take_sign_in


def all_routes() -> list[Routes]:
    """Return the blueprints of the wallet; made anew for each app, since signing in keeps state with its app."""
    return [
        login_blueprint(scopes=("profile", "roles", "run"), taken=take_sign_in),
        consent_requests.bp,
        consent_flows.bp,
        exchange.bp,
        tokens.bp,
        grants.bp,
        account_events.bp,
        decisions.bp,
        consents.bp,
        delegations.bp,
        access_log.bp,
        recipients.bp,
        agreements.bp,
        reports.bp,
        usages.bp,
        enquiries.bp,
        console.bp,
        auditor.bp,
        directory.bp,
        history.bp,
        mailbox.bp,
        notices.bp,
        previews.bp,
        registry.bp,
        receipts.bp,
        onboarding.bp,
        status_lists.bp,
        streams.bp,
    ]
