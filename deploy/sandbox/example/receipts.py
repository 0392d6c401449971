"""The receipt of a fee, sent through notify with its published client, in the way the person prefers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploy.sandbox.clients import NotifyClient
from deploy.sandbox.example.applications import FEE_CLP, Delivery
from shared.web import words

ADDRESS = ("Avenida Los Aromos 123", "Quilpalín", "Chile")


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Whom to tell, and where each way of telling reaches that person."""

    name: str
    email: str
    phone: str
    run: str


def send_receipt(client: NotifyClient, templates: Mapping[str, str], way: Delivery, to: Recipient, *, reference: str, at: datetime) -> str:
    """Send one receipt; the notification's id.  Raises: the client's HTTPError when notify refuses."""
    template_id = templates[way.value]
    values = _personalisation(client.get_template(template_id), to, reference, at)
    if way is Delivery.EMAIL:
        sent = client.send_email_notification(email_address=to.email, template_id=template_id, personalisation=values, reference=reference)
    elif way is Delivery.SMS:
        sent = client.send_sms_notification(phone_number=to.phone, template_id=template_id, personalisation=values, reference=reference)
    elif way is Delivery.LETTER:
        address = {f"address_line_{number}": line for number, line in enumerate((to.name, *ADDRESS), start=1)}
        sent = client.send_letter_notification(template_id=template_id, personalisation=address | values, reference=reference)
    else:  # our own channel: the published client has no name for it, and sends it all the same
        body = {"recipient": to.run, "template_id": template_id, "personalisation": values, "reference": reference}
        sent = client.post("/v2/notifications/mailbox", data=body)
    return str(sent["id"])


def _personalisation(template: Mapping[str, Any], to: Recipient, reference: str, at: datetime) -> dict[str, str]:
    """A value for each placeholder the template has, address lines apart."""
    with words.speaking("es"):  # the language of the templates
        known = {"name": to.name, "amount": words.clp(FEE_CLP), "date": words.day(at), "reference": reference}
    wanted = [name for name in template.get("personalisation", {}) if not name.startswith("address_line_")]
    return {name: known[name] for name in wanted}
