"""Every route states who may use it, and each that is not for everybody turns strangers away.

The list of what is open to everybody stands here, so that opening a route is a change that somebody reviews.
"""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from deploy import docs
from deploy.services import SERVICES
from shared.settings import Secret

EVERYWHERE = {
    "operations.healthz",
    "operations.readyz",
    "operations.security",
    "about.security",
    "assets.respond",
    "about.accessibility",
    "about.open_data",
    "about.privacy",
    "about.status",
    "performance.question",
    "performance.show_csv",
    "performance.show_json",
    "performance.show_page",
    "performance.show_schema",
    "audit_log.last_checkpoint",
    "audit_log.checkpoint",
    "audit_log.consistency",
    "audit_log.entry_proof",
    "audit_log.key",
    "audit_log.leaves",
    "audit_log.witnessed",
    "openapi.show",
}
SIGN_IN = {"login.begin", "login.finish", "login.sign_out", "login.back_channel"}
OPEN = {
    "identity": {
        "home.show_home",
        "logos.show_logo",
        "trust.show_levels",
        "metadata.show_metadata",
        "metadata.show_keys",
        "authorize.authorize",
        "end_session.end_session",
        "logout.clave_unica_logout",
        "logout.show_logout",
        "logout.send_logout",
        "account.arrive",
        "activate.send_activate",
        "activate.show_activate",
        "activate.show_in_english",
        "catalogue.show_catalogue",
        "catalogue.show_csv",
        "catalogue.show_json",
        "recover.send_code",
        "recover.send_password",
        "recover.show_start",
        "recover.show_step",
        "recover.show_stop",
        "recover.start",
        "recover.stop",
        "account.sign_out",
        "kiosk.set_kiosk",
        "kiosk.show_kiosk",
        "login.start",
        "login.send_message",
        "login.send_passkey",
        "login.show_login",
        "login_approval.ask",
        "login_approval.finish",
        "login_approval.show",
        "login_password.send_password",
        "login_password.show_password",
        "login.send_login",
        "login.cancel",
        "accounts.show_accounts",
        "accounts.choose_account",
        "help.send_receipt",
        "help.show_receipt",
        "represent.send_represent",
        "represent.show_represent",
        "permission.show_permission",
        "permission.come_back",
        "permission.take_permission",
        "login.show_code",
        "login.send_code",
        "login.show_consent",
        "login.send_consent",
        # The client authenticates inside these by the rules of OAuth; see tests/conformance/identity.
        "par.push_request",
        "token.token",
        "introspection.introspect_token",
        "revocation.revoke_token",
        "userinfo.userinfo",
        "device.show_form",
        "device.send_code",
        "device_authorization.authorize_device",
        "device_authorization.authenticate_backchannel",
        "inspector.show",
        "inspector.set_fault",
        "registration.create",
        "registration.show",
        "registration.replace",
        "registration.remove",
    },
    "notify": {
        *SIGN_IN,
        "unsubscribe.from_mail",
        "unsubscribe.ask",
        "brands.logo",  # stands in e-mails that anybody may have got
        # The link's own key opens these, and an address where the sender wants it; see tests/conformance/notify.
        "documents.show",
        "documents.confirm_address",
        "documents.download",
        "documents.check",
        "documents.authenticate",
    },
    "pay": {
        "start.show",
        "start.check_health",
        "start.lead_to_security",
        "pages.open_link",
        "notice_pages.ask_number",
        "notice_pages.send_number",
        "notice_pages.show",
        "notice_pages.go_on",
        "receipts.ask_code",
        "receipts.send_code",
        "receipts.show",
        "receipts.show_public_file",
        "receipts.show_certificates",
        "receipts.check",
        "payment_links.open_path",
        "payment_links.start",
        "payment_links.ask_reference",
        "payment_links.ask_amount",
        "payment_links.check",
        "payment_links.go_on",
        *SIGN_IN,
    },
    "wallet": {
        "tokens.jwks",
        "tokens.metadata",
        # The event's own signature is looked at inside; see tests/contract/wallet/test_account_events.py.
        "account_events.receive",
        # The client authenticates inside by its key; see tests/contract/wallet/test_token_way.py.
        "tokens.token",
        "agreements.index",
        "agreements.show",
        "agreements.templates",
        "directory.find_fields",
        "directory.purposes",
        "directory.procedures",
        "directory.vocabulary",
        "directory.show",
        "directory.show_open",
        "directory.once_only",
        "bulk.listed",
        "bulk.show",
        "status_lists.aggregation",
        "status_lists.show",
        "streams.metadata",
        "usages.heartbeat",
        *SIGN_IN,
    },
}
INSIDE = "inside the private network"


@pytest.fixture(params=SERVICES)
def app(request: pytest.FixtureRequest, database: Callable[[str], str], redis_url: str) -> Iterator[Flask]:
    made = docs.app_of(request.param, database_url=Secret(database(request.param)), redis_url=Secret(redis_url))
    yield made
    made.extensions["andamio"].context.close()


def service_of(app: Flask) -> str:
    service: str = app.extensions["andamio"].context.service
    return service


def address(rule: str) -> str:
    filled = re.sub(r"<uuid:[^>]+>", "7f0c5c1e-0000-4000-8000-000000000001", rule)
    filled = re.sub(r"<int:[^>]+>", "1", filled)
    return re.sub(r"<[^>]+>", "x", filled)


def test_what_is_open_to_everybody_is_on_the_list_and_nothing_else(app: Flask) -> None:
    rules = app.extensions["andamio"].access_rules
    found = {endpoint for endpoint, rule in rules.items() if rule.describe() in {"public", "public page"}}
    assert found - EVERYWHERE == OPEN[service_of(app)]


def test_strangers_are_turned_away_everywhere_else(app: Flask) -> None:
    client = app.test_client()
    let_in = []
    for rule, methods, endpoint, access in docs.routes_of(app):
        if endpoint in EVERYWHERE | OPEN[service_of(app)]:
            continue
        headers = {"X-Forwarded-For": "203.0.113.9"} if access == INSIDE else {}
        for method in methods.split():
            answer = client.open(address(rule), method=method, headers=headers)
            to_sign_in = answer.status_code in {302, 303} and answer.headers["Location"].startswith("/login")
            if answer.status_code not in {400, 401, 403, 404, 415} and not to_sign_in:
                let_in.append(f"{method} {rule}: {answer.status_code}")
    assert not let_in


@pytest.mark.parametrize("credentials", ["Bearer nonsense", "Bearer a.b.c", "Basic YTpi", "Bearer ", "DPoP x", "Bearer " + "x" * 5000])
def test_made_up_credentials_are_turned_away(app: Flask, credentials: str) -> None:
    client = app.test_client()
    let_in = []
    for rule, methods, endpoint, access in docs.routes_of(app):
        known = endpoint in EVERYWHERE | OPEN[service_of(app)]
        if known or access == INSIDE or access.startswith(("signed-in person", "staff ")):
            continue
        for method in methods.split():
            answer = client.open(address(rule), method=method, headers={"Authorization": credentials})
            if answer.status_code not in {400, 401, 403, 404, 415}:
                let_in.append(f"{method} {rule}: {answer.status_code}")
    assert not let_in


def test_forms_of_pages_need_a_token_of_ours(app: Flask) -> None:
    client = app.test_client()
    rules = app.extensions["andamio"].access_rules
    for rule, methods, endpoint, _ in docs.routes_of(app):
        if rules[endpoint].pages and rules[endpoint].describe() == "public page" and "POST" in methods:
            assert client.post(address(rule), data={"csrf_token": "made-up"}).status_code == 403, rule


def test_methods_that_a_route_does_not_have_are_refused_with_what_it_has(app: Flask) -> None:
    client = app.test_client()
    routes = docs.routes_of(app)
    patched = {rule for rule, methods, _, _ in routes if "PATCH" in methods}
    for rule, _, _, _ in routes:
        if rule not in patched:
            answer = client.patch(address(rule))
            assert answer.status_code in {404, 405}, rule
            if answer.status_code == 405:
                assert answer.headers["Allow"], rule
