"""Answers of other services that are not what they should be: the service is away for that part, and the page still stands."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from shared.http import Reply
from tests.factories.wallet import RUN
from wallet.providers.dealings import HttpDealings, NoSuchMessage, ServiceAway

AT = {name: f"https://{name}.example" for name in ("identity", "notify", "pay")}
ASKED: dict[str, Callable[[HttpDealings], object]] = {
    "events": lambda known: known.sign_ins(RUN, lang="es"),
    "payments": lambda known: known.payments("camila@example.com"),
    "messages": lambda known: known.messages(RUN),
}


class Line:
    """Every service, giving one answer."""

    def __init__(self, status: int, body: object = None) -> None:
        self.reply = Reply(status, {}, json.dumps(body).encode())

    def token(self, audience: str, scope: str) -> str:
        return "token"

    def request(self, method: str, url: str, **call: Any) -> Reply:
        return self.reply


def dealings(line: Line) -> HttpDealings:
    return HttpDealings(line, line, AT)  # type: ignore[arg-type]  # it keeps what is used of both


@pytest.mark.rule("wallet", "CH-14")
@pytest.mark.parametrize("asked", ASKED)
def test_a_service_of_an_older_release_without_the_route_is_away(asked: str) -> None:
    with pytest.raises(ServiceAway):
        ASKED[asked](dealings(Line(404)))


WRONG = [
    {},
    {"at": "2026-11-25"},
    {"at": "2026-11-25T10:00:00", "words": "a", "service": "b"},
    {"at": "soon", "amount_minor": "x", "id": 1},
]


@pytest.mark.rule("wallet", "CH-14")
@pytest.mark.parametrize("row", WRONG)
@pytest.mark.parametrize("asked", ASKED)
def test_a_row_of_another_form_makes_the_service_away(asked: str, row: dict[str, object]) -> None:
    with pytest.raises(ServiceAway):
        ASKED[asked](dealings(Line(200, {asked: [row]})))


@pytest.mark.rule("wallet", "CH-14")
def test_a_message_that_is_not_there_is_told_apart_from_a_service_that_is_away() -> None:
    with pytest.raises(NoSuchMessage):
        dealings(Line(404)).open_message(RUN, uuid.uuid4())
    with pytest.raises(ServiceAway):
        dealings(Line(503)).open_message(RUN, uuid.uuid4())
