from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.sandbox.example.applications import Delivery
from deploy.sandbox.example.receipts import Recipient, send_receipt

TEMPLATES = {"email": "t-email", "sms": "t-sms", "letter": "t-letter", "mailbox": "t-mailbox"}
CAMILA = Recipient(name="Camila Soto", email="camila@example.com", phone="+56911111111", run="11111111-1")
AT = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)  # still the 21st in Santiago


class Published:
    """Stands where the published client stands; keeps what it was asked."""

    def __init__(self, *placeholders: str) -> None:
        self.placeholders = placeholders
        self.sent: list[tuple[str, Mapping[str, Any]]] = []

    def get_template(self, template_id: str) -> Mapping[str, Any]:
        return {"id": template_id, "personalisation": {name: {"required": True} for name in self.placeholders}}

    def send_email_notification(self, **values: Any) -> Mapping[str, Any]:
        return self._send("email", values)

    def send_sms_notification(self, **values: Any) -> Mapping[str, Any]:
        return self._send("sms", values)

    def send_letter_notification(self, **values: Any) -> Mapping[str, Any]:
        return self._send("letter", values)

    def get_notification_by_id(self, id: str) -> Mapping[str, Any]:  # noqa: A002 - the client's own name
        raise AssertionError(id)

    def post(self, url: str, data: Mapping[str, object]) -> Mapping[str, Any]:
        return self._send(url, data)

    def _send(self, how: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        self.sent.append((how, values))
        return {"id": "n-1"}


@pytest.mark.parametrize(
    ("way", "how", "address"),
    [
        (Delivery.EMAIL, "email", ("email_address", "camila@example.com")),
        (Delivery.SMS, "sms", ("phone_number", "+56911111111")),
        (Delivery.MAILBOX, "/v2/notifications/mailbox", ("recipient", "11111111-1")),
    ],
)
def test_the_receipt_goes_the_way_the_person_prefers(way: Delivery, how: str, address: tuple[str, str]) -> None:
    client = Published("name", "amount", "date", "reference")
    assert send_receipt(client, TEMPLATES, way, CAMILA, reference="pay-1", at=AT) == "n-1"
    [(sent, values)] = client.sent
    assert sent == how
    assert values[address[0]] == address[1]
    assert values["template_id"] == f"t-{way}"
    assert values["personalisation"] == {"name": "Camila Soto", "amount": "$3.500", "date": "21 de noviembre de 2026", "reference": "pay-1"}


def test_a_letter_carries_the_address_in_lines() -> None:
    client = Published("name", "address_line_1", "address_line_2")
    send_receipt(client, TEMPLATES, Delivery.LETTER, CAMILA, reference="pay-1", at=AT)
    [(_, values)] = client.sent
    assert values["personalisation"] == {
        "address_line_1": "Camila Soto",
        "address_line_2": "Avenida Los Aromos 123",
        "address_line_3": "Quilpalín",
        "address_line_4": "Chile",
        "name": "Camila Soto",
    }


def test_a_placeholder_that_nobody_can_fill_is_not_sent_half_filled() -> None:
    client = Published("name", "salary")
    with pytest.raises(KeyError):
        send_receipt(client, TEMPLATES, Delivery.SMS, CAMILA, reference="pay-1", at=AT)
    assert client.sent == []
