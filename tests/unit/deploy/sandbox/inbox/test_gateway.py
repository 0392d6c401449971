from datetime import UTC, datetime

import pytest

from deploy.sandbox.inbox.gateway import LATE_SECONDS, Busy, Gateway, Receipt, Text, behaviour

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "http://localhost:8002/receipts"


class Posted:
    """Receipts that would have been posted."""

    def __init__(self) -> None:
        self.receipts: list[tuple[str, Receipt, float]] = []

    def __call__(self, url: str, receipt: Receipt, delay_seconds: float) -> None:
        self.receipts.append((url, receipt, delay_seconds))


@pytest.fixture
def posted() -> Posted:
    return Posted()


@pytest.fixture
def gateway(posted: Posted) -> Gateway:
    return Gateway(posted, lambda: NOW)


def text(to: str, *, callback_url: str = URL, reference: str = "ref-1") -> Text:
    return Text(to=to, sender="COLEGIO", body="Hola", reference=reference, callback_url=callback_url)


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("+56912345678", "delivered"),
        ("+56900000001", "delivered"),
        ("+56 9 0000 0002", "permanent-failure"),
        ("+56900000003", "temporary-failure"),
    ],
)
def test_a_text_gets_the_receipt_of_its_number(gateway: Gateway, posted: Posted, number: str, status: str) -> None:
    gateway.admit(text(number))
    gateway.report(text(number), "id-1")
    [(url, receipt, delay)] = posted.receipts
    assert (url, receipt.status, receipt.reference, receipt.gateway_id, delay) == (URL, status, "ref-1", "id-1", 0.0)


def test_a_late_receipt_waits(gateway: Gateway, posted: Posted) -> None:
    gateway.report(text("+56900000004"), "id-1")
    assert [delay for _, _, delay in posted.receipts] == [LATE_SECONDS]


def test_a_lost_receipt_never_comes(gateway: Gateway, posted: Posted) -> None:
    gateway.report(text("+56900000005"), "id-1")
    assert posted.receipts == []


def test_a_duplicate_receipt_is_the_same_receipt(gateway: Gateway, posted: Posted) -> None:
    gateway.report(text("+56900000006"), "id-1")
    [(_, one, _), (_, other, _)] = posted.receipts
    assert one == other


def test_no_callback_url_means_no_receipt(gateway: Gateway, posted: Posted) -> None:
    gateway.report(text("+56912345678", callback_url=""), "id-1")
    assert posted.receipts == []


@pytest.mark.parametrize(("number", "status"), [("+56900000007", 429), ("+56900000008", 503)])
def test_a_busy_number_is_turned_away_once_for_each_reference(gateway: Gateway, number: str, status: int) -> None:
    with pytest.raises(Busy) as busy:
        gateway.admit(text(number))
    assert busy.value.status == status
    gateway.admit(text(number))
    with pytest.raises(Busy):
        gateway.admit(text(number, reference="ref-2"))


def test_a_dead_number_is_always_turned_away(gateway: Gateway) -> None:
    for _ in range(3):
        with pytest.raises(Busy):
            gateway.admit(text("+56900000009"))


def test_an_ordinary_number_that_ends_alike_is_ordinary() -> None:
    assert behaviour("+56912340002") == "01"
    assert behaviour("+569000000021") == "01"
