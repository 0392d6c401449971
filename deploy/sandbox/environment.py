"""The environment variables of each service in the sandbox."""

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploy.sandbox.authority import files_of
from deploy.sandbox.settings import overrides
from deploy.services import SERVICES

if TYPE_CHECKING:
    from deploy.sandbox.plan import Plan


def environment(plan: "Plan", service: str) -> dict[str, str]:
    """All variables of a service: those that every service has, its own, and those that somebody wants otherwise."""
    values = {**_common(plan, service), **_own(plan, service)}
    return {f"{service}_{name}".upper(): value for name, value in values.items()} | overrides(service)


def _common(plan: "Plan", service: str) -> dict[str, str]:
    return {
        "database_url": plan.database_url(service),
        "redis_url": plan.redis_url(service),
        "public_url": plan.ports.url(service),
        "environment": "sandbox",
        "issuer": plan.issuer,
        "encryption_keys": f"sandbox-1:{_base64(plan.key(f'encryption:{service}'))}",
        "audit_seed": _base64(plan.key(f"audit:{service}")),
        "client_id": service,
        "client_key": json.dumps(plan.jwk(f"client:{service}")),
        "outbound_private_hosts": ",".join(_private_hosts(plan)),
        "help_url": f"{plan.urls.front}/",
        "open_data_base": "1",  # so that the first few interactions show in the figures
        "witnessed_logs": ",".join(_logs_of_others(plan, service)),
        **({"outbound_authorities": str(files_of(plan.folder).bundle)} if plan.ports.tls else {}),
    }


def _own(plan: "Plan", service: str) -> dict[str, str]:
    if service == "identity":
        return _identity(plan)
    if service == "notify":
        return _notify(plan)
    if service == "pay":
        banks = dict.fromkeys(("webpay_url", "khipu_url", "stripe_url", "stripe_files_url"), plan.urls.banks)
        login = {"login_client_id": "pay-console", "login_client_secret": plan.client("pay-console").secret or ""}
        ours = {"transfer_account": "Tesorería de prueba,61.000.000-8,Banco de prueba,Cuenta corriente,123456789"}
        return {"api_key_secret": plan.secret("pay:api-keys"), **banks, **login, **ours, **_pay_messages(plan)}
    if service == "wallet":
        secret = plan.client("wallet-portal").secret or ""
        # Not every person of the sandbox has a second factor, and each is to see the whole journey.
        return {"login_client_id": "wallet-portal", "login_client_secret": secret, "sensitive_grant_level": "1", **_wallet(plan)}
    return {}


def _pay_messages(plan: "Plan") -> dict[str, str]:
    return {
        "notify_url": plan.urls.notify,
        "notify_api_key": f"pay-{plan.uuid('notify-pay-service')}-{plan.uuid('notify-pay-key-secret')}",
        "notify_email_template": plan.uuid("notify-pay-email"),
    }


def _wallet(plan: "Plan") -> dict[str, str]:
    service_id, secret = plan.uuid("notify-wallet-service"), plan.uuid("notify-wallet-key-secret")
    return {
        "represent": "true",
        "mandates_url": f"{plan.urls.registry}/v1/mandates",
        "notify_url": plan.urls.notify,
        "pay_url": plan.urls.pay,
        "auditor_org": "org-andamio",
        "notify_api_key": f"wallet-{service_id}-{secret}",
        "notify_mailbox_template": plan.uuid("notify-wallet-mailbox"),
    }


def _identity(plan: "Plan") -> dict[str, str]:
    service_id, secret = plan.uuid("notify-identity-service"), plan.uuid("notify-identity-key-secret")
    return {
        "pairwise_key": f"1:{_base64(plan.key('pairwise'))}",
        "peppers": f"1:{_base64(plan.key('pepper'))}",
        "notify_url": plan.urls.notify,
        "pay_url": plan.urls.pay,
        "wallet_url": plan.urls.wallet,
        "event_receivers": f"wallet-portal={plan.urls.wallet}/events",
        "registry_url": plan.urls.registry,
        "company_register_url": plan.urls.registry,
        "family_register_url": plan.urls.registry,
        "court_register_url": plan.urls.registry,
        "notify_api_key": f"identity-{service_id}-{secret}",
        "notify_email_template": plan.uuid("notify-identity-email"),
        "notify_sms_template": plan.uuid("notify-identity-sms"),
        "mandate_level": "2",
        "staff_level": "2",  # codes of an app, which a person without a security key can try
    }


def _notify(plan: "Plan") -> dict[str, str]:
    smtp_host, smtp_port = plan.smtp
    return {
        "smtp_host": smtp_host,
        "smtp_port": str(smtp_port),
        "smtp_starttls": "false",
        "email_domain": "notify.example.com",
        "sms_gateway_url": f"{plan.urls.inbox}/gateway/sms",
        "print_url": f"{plan.urls.inbox}/print",
        "mailbox_url": f"{plan.urls.inbox}/mailbox",
        "login_client_id": "notify-console",
        "login_client_secret": plan.client("notify-console").secret or "",
    }


def _logs_of_others(plan: "Plan", service: str) -> list[str]:
    """The four services witness one another's audit logs."""
    from shared.audit.checkpoint import Signer

    others = [other for other in SERVICES if other != service]
    signers = {other: Signer(plan.key(f"audit:{other}"), urlsplit(plan.ports.url(other)).netloc + "/log") for other in others}
    return [f"{plan.ports.url(other)}={signer.verifier_key}" for other, signer in signers.items()]


def _private_hosts(plan: "Plan") -> list[str]:
    """What may be called although it is on this machine: the sandbox's own parts and nothing else."""
    urls = plan.urls
    named = [
        urlsplit(url).netloc
        for url in (urls.identity, urls.notify, urls.pay, urls.wallet, urls.inbox, urls.example, urls.registry, urls.banks)
    ]
    return [*named, *(name.replace("localhost", "127.0.0.1") for name in named)]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
