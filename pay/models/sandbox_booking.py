"""The sandbox gateway's own book, in transactions of its own: for pay it is another party's."""

from sqlalchemy import BigInteger, Column, String, Table, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from pay.models.base import metadata
from pay.providers.base import Action, Outcome, Verdict
from pay.providers.sandbox import NEVER_AGAIN, Booking
from shared.db import Database

sandbox_bookings = Table(
    "sandbox_bookings",
    metadata,
    Column("reference", String(80), primary_key=True),
    Column("action", String(20), nullable=False),
    Column("payment_id", String(26), nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("provider_id", String(100), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("instrument_token", String(40), nullable=False, server_default=""),
)
_T = sandbox_bookings.c


# Made once: making a statement takes longer than running it.
_KEEP = insert(sandbox_bookings).on_conflict_do_nothing()
_BY_REFERENCE = select(sandbox_bookings).where(_T.reference == bindparam("of_reference"))
_TOTAL = select(func.coalesce(func.sum(_T.amount_minor), 0)).where(
    _T.payment_id == bindparam("of_payment"), _T.action == bindparam("of_action"), _T.verdict == Verdict.APPROVED.value
)


class DatabaseBookings:
    """A book in PostgreSQL, shared by all processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, booking: Booking) -> Booking:
        """Keep a booking, or return the one already there."""
        outcome = booking.outcome
        row = {
            "reference": booking.reference,
            "action": booking.action.value,
            "payment_id": booking.payment_id,
            "amount_minor": booking.amount_minor,
            "verdict": outcome.verdict.value,
            "provider_id": outcome.provider_id,
            "reason": outcome.reason,
            "instrument_token": outcome.instrument_token,
        }
        with self._database.single() as connection:
            kept = connection.execute(_KEEP, row).rowcount
        return booking if kept else self.find(booking.reference) or booking

    def find(self, reference: str) -> Booking | None:
        """Return a booking."""
        with self._database.reading() as connection:
            row = connection.execute(_BY_REFERENCE, {"of_reference": reference}).one_or_none()
        if row is None:
            return None
        outcome = Outcome(Verdict(row.verdict), row.provider_id, row.reason, row.reason != NEVER_AGAIN, row.instrument_token)
        return Booking(row.reference, Action(row.action), row.payment_id, row.amount_minor, outcome)

    def total(self, payment_id: str, action: Action) -> int:
        """Return the sum of the approved bookings of one kind for a payment."""
        with self._database.reading() as connection:
            return int(connection.execute(_TOTAL, {"of_payment": payment_id, "of_action": action.value}).scalar_one())
