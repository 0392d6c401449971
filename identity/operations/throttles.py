"""Back-off after failures, counted before the password is looked at (LK-1, LK-2, LK-6).

Failures count against a RUN and factor from *unknown* browsers, or from *one known* browser of that person.  So a stranger
who types wrong passwords makes strangers wait, and the person's own browser goes on as before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.models.base import table_of
from identity.models.person import Throttle
from shared.crypto import sha256_hex

THROTTLES = table_of(Throttle)
FREE_FAILURES = 5
WINDOW = timedelta(minutes=15)
WAIT_MINUTES_MAX = 60
CONSECUTIVE_MAX = 100
PURPOSE = "throttle"


@dataclass(frozen=True)
class Failures:
    """What is counted of one key."""

    in_window: int
    window_started_at: datetime
    consecutive: int
    wait_until: datetime | None


def throttle_key(identity: Identity, factor: str, who: str, device_token: str | None) -> bytes:
    """Return the counter's key; `who` is a canonical RUN, `device_token` that of a known browser or None."""
    device = sha256_hex(device_token) if device_token else "unknown"
    return identity.cipher.blind_index(f"{factor}|{who}|{device}", purpose=PURPOSE)


def after_failure(before: Failures, now: datetime) -> Failures:
    """Return the count with one more failure: from the fifth on, waits of 1, 2, 4 … 60 minutes."""
    quiet_since = max(before.window_started_at, before.wait_until or before.window_started_at)
    fresh = now - quiet_since >= WINDOW
    failures = 1 if fresh else before.in_window + 1
    wait_until = None
    if failures >= FREE_FAILURES:
        minutes = min(WAIT_MINUTES_MAX, 2 ** (failures - FREE_FAILURES))
        wait_until = now + timedelta(minutes=minutes)
    started_at = now if fresh else before.window_started_at
    return Failures(failures, started_at, before.consecutive + 1, wait_until)


def is_blocked(count: Failures, now: datetime) -> bool:
    """Answer whether no try is taken now: a wait runs, or a hundred failures in a row have used the factor up."""
    return count.consecutive >= CONSECUTIVE_MAX or (count.wait_until is not None and now < count.wait_until)


def reserve(identity: Identity, key: bytes) -> bool:
    """Count a try as failed before it is looked at, and answer whether it may be; parallel tries all count."""
    now = identity.clock.now()
    empty = {"key": key, "window_failures": 0, "window_started_at": now, "consecutive_failures": 0, "updated_at": now}
    with identity.db.begin() as connection:
        # One statement: between two, a sign-in that was right could delete the row.
        made = insert(THROTTLES).values(empty)
        made = made.on_conflict_do_update(index_elements=["key"], set_={"key": made.excluded.key})
        row = connection.execute(made.returning(THROTTLES)).one()
        count = Failures(row.window_failures, row.window_started_at, row.consecutive_failures, row.wait_until)
        if is_blocked(count, now):
            return False
        after = after_failure(count, now)
        values = {
            "window_failures": after.in_window,
            "window_started_at": after.window_started_at,
            "consecutive_failures": after.consecutive,
            "wait_until": after.wait_until,
            "updated_at": now,
        }
        connection.execute(update(THROTTLES).where(THROTTLES.c.key == key).values(values))
    return True


def clear(identity: Identity, key: bytes) -> bool:
    """Forget the failures of a key: the try was right.  Answer whether a wait had been set before it."""
    with identity.db.begin() as connection:
        row = connection.execute(THROTTLES.delete().where(THROTTLES.c.key == key).returning(THROTTLES.c.window_failures)).one_or_none()
    return row is not None and row.window_failures > FREE_FAILURES  # this try was counted too
