"""What tests of the account ask of a furnished identity: people by RUN, their contacts, and the notices that wait for them."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import text, update

from identity.context import Identity
from identity.models.finders import PERSONS, find_active_facts, find_credentials, seal_facts
from identity.operations import notices
from shared.run import parse_run


class KeepingSender:
    """Keeps messages in a list."""

    def __init__(self) -> None:
        self.sent: list[dict[str, str]] = []

    def send_email(self, to: str, subject: str, body: str, reference: str) -> None:
        """Keep an email."""
        self.sent.append({"channel": "email", "to": to, "subject": subject, "body": body, "reference": reference})

    def send_sms(self, to: str, body: str, reference: str) -> None:
        """Keep a text message."""
        self.sent.append({"channel": "sms", "to": to, "subject": "", "body": body, "reference": reference})


class AccountHelpers:
    """Mixed into the House of identity's tests."""

    identity: Identity

    def person_id(self, run: str) -> UUID:
        """The internal id behind a RUN."""
        with self.identity.reading() as tx:
            found = find_credentials(tx.connection, self.identity.cipher, parse_run(run))
        assert found is not None
        return found.person_id

    def state_of(self, run: str) -> str:
        """The state of a person."""
        with self.identity.reading() as tx:
            found = find_credentials(tx.connection, self.identity.cipher, parse_run(run))
        return found.state if found else ""

    def give_contacts(self, run: str, *, email: str, phone: str) -> None:
        """Give a person contacts that were confirmed long ago."""
        person_id = self.person_id(run)
        with self.identity.transaction() as tx:
            facts = find_active_facts(tx.connection, self.identity.cipher, person_id)
            assert facts is not None
            known = replace(facts, email=email, email_verified=True, phone=phone, phone_verified=True)
            sealed = seal_facts(self.identity.cipher, person_id, known)
            tx.connection.execute(update(PERSONS).where(PERSONS.c.id == person_id).values(facts_sealed=sealed))

    def notices(self) -> list[str]:
        """The kinds of the notices that wait to be sent, oldest first."""
        with self.identity.db.engine.connect() as connection:
            query = text("SELECT payload ->> 'kind' FROM outbox WHERE job = 'send_notice' ORDER BY id")
            return list(connection.execute(query).scalars())

    def deliver(self) -> list[dict[str, str]]:
        """Run the jobs that send notices, and return what was sent, newest last."""
        sender = KeepingSender()
        self.identity.__dict__["sender"] = sender
        with self.identity.db.begin() as connection:
            rows = connection.execute(text("DELETE FROM outbox WHERE job = 'send_notice' RETURNING id, payload")).all()
        for row in sorted(rows, key=lambda row: row.id):
            notices.send(self.identity, row.payload)
        return sender.sent
