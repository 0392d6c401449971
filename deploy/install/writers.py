"""How identity, pay and the wallet write to people: each is a service at notify, whose ids `andamio init` and `bootstrap` both know."""

import uuid
from collections.abc import Mapping

from deploy.errors import CannotStart
from shared.notify_client import read_key

WRITERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "identity": ("Identidad digital", {"notify_email_template": "email", "notify_sms_template": "sms"}),
    "pay": ("Pagos en línea", {"notify_email_template": "email"}),
    "wallet": ("Mis datos y permisos", {"notify_mailbox_template": "mailbox", "notify_email_template": "email"}),
}
"""The name of each one's service at notify, and the settings that name its templates, with the channel of each."""
KEY_SECRET = "notify_api_key"  # noqa: S105 - the name of a secret


def template_id(domain: str, service: str, setting: str) -> uuid.UUID:
    """Return the id of a template, the same whoever asks."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{setting}.{service}.notify.{domain}")


def new_key(domain: str, service: str) -> str:
    """Return a key of a service at notify, in the form of its API: name, service and secret."""
    return f"{service}-{uuid.uuid5(uuid.NAMESPACE_DNS, f'{service}.notify.{domain}')}-{uuid.uuid4()}"


def ids_of(key: str) -> tuple[uuid.UUID, uuid.UUID]:
    """Return the service and the secret of a key.  Raises: CannotStart."""
    try:
        service_id, secret = map(uuid.UUID, read_key(key))
    except ValueError:
        raise CannotStart(f"A secret {KEY_SECRET} is no key of notify, `name-service-secret`.") from None
    return service_id, secret
