"""HTTP in, HTTP out: a file a resource."""

from pay.routes import (
    agreements,
    console,
    console_accounts,
    console_assist,
    console_bank,
    console_dispute_papers,
    console_disputes,
    console_fees,
    console_links,
    console_money,
    console_partners,
    console_payouts,
    console_remittances,
    console_reports,
    console_settings,
    console_terms,
    disputes,
    fees,
    methods,
    notice_pages,
    notices,
    onboarding,
    pages,
    partners,
    payment_links,
    payments,
    payouts,
    people,
    provider_pages,
    receipts,
    refunds,
    start,
    telephone,
)
from shared.routes import Routes
from shared.web.login import login_blueprint

_API = [payments.bp, refunds.bp, refunds.search_bp, agreements.bp, disputes.bp, telephone.bp, notices.bp, partners.bp, payouts.bp, fees.bp]
_PAGES = [pages.bp, methods.bp, provider_pages.bp, notice_pages.bp, receipts.bp, payment_links.bp, start.bp]
_CONSOLE = [
    console.bp,
    console_settings.bp,
    console_terms.bp,
    console_links.bp,
    console_reports.bp,
    console_assist.bp,
    console_money.bp,
    console_disputes.bp,
    console_dispute_papers.bp,
    console_payouts.bp,
    console_fees.bp,
    console_remittances.bp,
    console_bank.bp,
    console_partners.bp,
    console_accounts.bp,
]


def all_routes() -> list[Routes]:
    """Return the blueprints of pay; signing in is made anew for each app, since it keeps state with its app."""
    return [*_API, onboarding.bp, people.bp, *_PAGES, *_CONSOLE, login_blueprint(scopes=("profile", "roles"))]
