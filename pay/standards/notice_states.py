"""The states of a notice and every lawful move between them, once.

Spec: pay-design.md §8.  `docs/pay/notices.md` shows the table as a diagram.
"""

from enum import StrEnum

from pay.events import NoticeEvent
from shared.states import Table


class NoticeState(StrEnum):
    """`activated` is a lock that one till holds for ten minutes."""

    OPEN = "open"
    ACTIVATED = "activated"
    PAID = "paid"
    PAID_ELSEWHERE = "paid-elsewhere"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


S, E = NoticeState, NoticeEvent
NOTICE_TABLE: Table[NoticeState, NoticeEvent] = Table(
    "notice",
    initial=frozenset({S.OPEN}),
    moves={
        (S.OPEN, S.ACTIVATED): E.ACTIVATED,
        (S.ACTIVATED, S.ACTIVATED): E.ACTIVATED,  # another till, after the first one's time
        (S.ACTIVATED, S.OPEN): E.RELEASED,
        (S.OPEN, S.PAID): E.PAID,
        (S.ACTIVATED, S.PAID): E.PAID,
        (S.OPEN, S.PAID_ELSEWHERE): E.PAID_ELSEWHERE,
        (S.OPEN, S.CANCELLED): E.CANCELLED,
        (S.ACTIVATED, S.CANCELLED): E.CANCELLED,
        (S.OPEN, S.EXPIRED): E.EXPIRED,
        (S.ACTIVATED, S.EXPIRED): E.EXPIRED,
    },
)
