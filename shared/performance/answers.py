"""The question after an interaction: how satisfied were you?  Anonymous, one answer an interaction, nothing kept of who said what.

The address of a question carries what is asked about and a mark made of the interaction with our key; the answer adds one to a
count of its day.  Marks go from 1 to 7, as at school.
"""

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.dialects.postgresql import insert

from shared.context import Context
from shared.crypto import constant_time_equal
from shared.performance.tables import satisfaction_answered, satisfaction_days

MARKS = range(1, 8)
OPEN_DAYS = 14
ANSWERED_KEPT_DAYS = 400
"""For so long the same interaction, asked about again on a later page, is known to have its answer."""
MAC_BYTES = 16
TOKEN_CHARS_MAX = 600


class NoSuchQuestion(Exception):
    """The address is not one of ours, or its time is over."""


@dataclass(frozen=True)
class Question:
    """What is asked about: `interaction` is a mark from which nobody can tell which one it was."""

    service: str
    product: str
    channel: str
    interaction: bytes
    expires_on: date


def question_token(context: Context, *, service: str, product: str, channel: str, interaction: str) -> str:
    """Return what stands in the address of the question about one interaction; the same for the same interaction and day."""
    key = _key(context)
    mark = _mac(key, f"interaction:{product}:{interaction}".encode())
    expires_on = context.clock.now().date() + timedelta(days=OPEN_DAYS)
    body = _encode(json.dumps([service, product, channel, _encode(mark), expires_on.isoformat()]).encode())
    return f"{body}.{_encode(_mac(key, body.encode()))}"


def question_url(context: Context, *, service: str, product: str, channel: str, interaction: str) -> str:
    """Return the whole address of the question, for messages and for services that end the interaction on a page of theirs."""
    token = question_token(context, service=service, product=product, channel=channel, interaction=interaction)
    return f"{context.settings.public_url}/feedback/{token}"


def read_question(context: Context, token: str) -> Question:
    """Raises: NoSuchQuestion."""
    body, _, mac = token.partition(".")
    try:
        if len(token) > TOKEN_CHARS_MAX or not constant_time_equal(_decode(mac), _mac(_key(context), body.encode())):
            raise NoSuchQuestion
        service, product, channel, mark, expires_on = json.loads(_decode(body))
        question = Question(service, product, channel, _decode(mark), date.fromisoformat(expires_on))
    except (ValueError, TypeError, binascii.Error):
        raise NoSuchQuestion from None
    if question.expires_on < context.clock.now().date():
        raise NoSuchQuestion
    return question


def keep_answer(context: Context, question: Question, mark: int) -> bool:
    """Count an answer; False where this interaction had its answer.  Raises: ValueError for a mark that there is not."""
    if mark not in MARKS:
        raise ValueError("a mark is between 1 and 7")
    kept_until = context.clock.now().date() + timedelta(days=ANSWERED_KEPT_DAYS)
    with context.db.begin() as connection:
        first = insert(satisfaction_answered).values(question=question.interaction, expires_on=kept_until).on_conflict_do_nothing()
        if connection.execute(first).rowcount == 0:
            return False
        row = {"day": context.clock.now().date(), "service": question.service, "product": question.product, "channel": question.channel}
        count = insert(satisfaction_days).values(row | {"mark": mark, "answers": 1})
        again = count.on_conflict_do_update(
            index_elements=["day", "service", "product", "channel", "mark"], set_={"answers": satisfaction_days.c.answers + 1}
        )
        connection.execute(again)
    return True


def _key(context: Context) -> bytes:
    return context.cipher.derive("satisfaction")


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")[:MAC_BYTES]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(data: str) -> bytes:
    return base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))
