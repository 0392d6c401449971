"""Limits by address and by password, and the robot check that they ask for (LK-3, LK-4, LK-6).

They slow strangers down; nobody is locked out by them: who passes the check, or comes with a browser known for the person,
goes on.  Addresses and passwords are counted under keyed names, so that the table tells nothing.
"""

import ipaddress
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.models.base import table_of
from identity.models.guard import Count, Spent
from identity.operations.sessions import Origin
from identity.standards import robot_check
from shared.crypto import sha256_hex
from shared.run import Run

Wanted = dict[tuple[str, str], timedelta]
"""What to count: kind and whose, and the window."""
COUNTS, SPENT = table_of(Count), table_of(Spent)
PURPOSE = "count"
MINUTES_5, HOUR, HOURS_12 = timedelta(minutes=5), timedelta(hours=1), timedelta(hours=12)
ADDRESS_MAX = 300
NETWORK_MAX = 1_500
PAIR_MAX = 50
"""Failures of one account from one address in 12 hours."""
SAME_PASSWORD_MAX = 20
"""Tries of one password that failed in an hour, whatever the accounts: five belong to one account at most, so these are several."""
FAILURES_MAX = 3_000
"""Failures everywhere in five minutes; beyond, every unknown browser is checked."""


def network_of(address: str) -> str:
    """Return the /24 or /48 that an address lies in; empty for what is no address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network(f"{ip}/{24 if ip.version == 4 else 48}", strict=False))


def count(identity: Identity, connection: Connection, wanted: Wanted) -> dict[str, int]:
    """Count once under each `(kind, who)` with its window, in one statement, and return the counts by kind."""
    windows = _windows(identity, wanted)
    if not windows:
        return {}
    rows = [
        {"key": key, "window_started_at": at, "count": 1, "expires_at": at + window} for key, (_, at, window) in sorted(windows.items())
    ]
    statement = insert(COUNTS).values(rows)  # in one order: no deadlocks
    statement = statement.on_conflict_do_update(index_elements=["key", "window_started_at"], set_={"count": COUNTS.c.count + 1})
    found = connection.execute(statement.returning(COUNTS.c.key, COUNTS.c.count.label("times"))).all()
    return {windows[bytes(row.key)][0]: row.times for row in found}


def counted(identity: Identity, connection: Connection, wanted: Wanted) -> dict[str, int]:
    """Return the counts by kind as they stand."""
    windows = _windows(identity, wanted)
    keys = [(key, at) for key, (_, at, _) in windows.items()]
    query = select(COUNTS.c.key, COUNTS.c.count.label("times")).where(tuple_(COUNTS.c.key, COUNTS.c.window_started_at).in_(keys))
    return {windows[bytes(row.key)][0]: row.times for row in connection.execute(query)}


def _windows(identity: Identity, wanted: Wanted) -> dict[bytes, tuple[str, datetime, timedelta]]:
    now, found = int(identity.clock.now().timestamp()), {}
    for (kind, who), window in wanted.items():
        seconds = int(window.total_seconds())
        key = identity.cipher.blind_index(f"{kind}|{who}", purpose=PURPOSE)
        found[key] = (kind, datetime.fromtimestamp(now // seconds * seconds, UTC), window)
    return found


def is_crowded(identity: Identity, origin: Origin) -> bool:
    """Count a request of an address, and answer whether it or its network sends too many, or sign-ins fail everywhere."""
    with identity.db.begin() as connection:
        failures = counted(identity, connection, {("failures", "all"): MINUTES_5})
        counts = count(identity, connection, _of_address(origin))
    over = failures.get("failures", 0) > FAILURES_MAX
    return over or counts.get("address", 0) > ADDRESS_MAX or counts.get("network", 0) > NETWORK_MAX


def _of_address(origin: Origin) -> Wanted:
    if not origin.address:
        return {}
    return {("address", origin.address): MINUTES_5, ("network", network_of(origin.address)): MINUTES_5}


def _of_try(origin: Origin, run: Run, password: str) -> Wanted:
    wanted = {("password", password): HOUR}
    return wanted | {("pair", f"{run}|{origin.address}"): HOURS_12} if origin.address else wanted


def is_suspicious(identity: Identity, origin: Origin, run: Run, password: str) -> bool:
    """Answer whether this account failed too often from here, or this password for too many accounts."""
    with identity.reading() as tx:
        counts = counted(identity, tx.connection, _of_try(origin, run, password))
    return counts.get("password", 0) >= SAME_PASSWORD_MAX or counts.get("pair", 0) >= PAIR_MAX


def note_failure(identity: Identity, connection: Connection, origin: Origin, run: Run, password: str) -> None:
    """Count a try that was looked at and was wrong."""
    count(identity, connection, {**_of_try(origin, run, password), ("failures", "all"): MINUTES_5})


def give_ticket(identity: Identity, purpose: str) -> str:
    """Return a ticket for the robot check of one purpose."""
    key = identity.cipher.derive("robot-check")
    return robot_check.give(key, purpose=purpose, nonce=identity.ids.token(12), now=int(identity.clock.now().timestamp()))


def passes(identity: Identity, purpose: str, ticket: str, work: str) -> bool:
    """Answer whether a ticket of ours was earned, and spend it; one that was not can be tried again later."""
    now = identity.clock.now()
    key, seconds = identity.cipher.derive("robot-check"), int(now.timestamp())
    found = robot_check.read(key, ticket, purpose=purpose, now=seconds)
    if found is None or not robot_check.is_earned(found, ticket, work=work, now=seconds):
        return False
    with identity.db.begin() as connection:
        return spend(connection, f"ticket|{found.nonce}", now + timedelta(seconds=robot_check.LIFE_SECONDS))


def spend(connection: Connection, mark: str, expires_at: datetime) -> bool:
    """Use a mark up; False when it was used before."""
    row = {"mark_hash": sha256_hex(mark), "expires_at": expires_at}
    return bool(connection.execute(insert(SPENT).values(row).on_conflict_do_nothing()).rowcount)
