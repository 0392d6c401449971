"""The school's side of a job application: what it knows of it, kept in its own memory."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import StrEnum

APPLICATIONS_MAX = 1000
FEE_CLP = 3500
POST = "Docente de Lenguaje"


# Letters and digits that are not taken for one another when a person reads them aloud.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
ID_LENGTH = 24


class Delivery(StrEnum):
    """How a person wants to be told."""

    EMAIL = "email"
    SMS = "sms"
    LETTER = "letter"
    MAILBOX = "mailbox"


class Stage(StrEnum):
    """Where an application stands."""

    SIGNED_IN = "signed_in"
    ASKED = "asked"
    REFUSED = "refused"
    RECORD_READ = "record_read"
    PAYING = "paying"
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class Application:
    """One person's application; a value is empty until the stage that fills it."""

    application_id: str
    sub: str
    run: str
    name: str
    email: str
    phone: str
    stage: Stage = Stage.SIGNED_IN
    request_id: str = ""
    consent_id: str = ""
    has_record: bool = False
    record_as_of: str = ""
    delivery: Delivery = Delivery.EMAIL
    payment_id: str = ""
    payment_outcome: str = ""
    feedback_url: str = ""
    receipt_id: str = ""


class Applications:
    """The applications in progress, the oldest forgotten first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Application] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, *, sub: str, run: str, name: str, email: str, phone: str) -> Application:
        """Open an application for the person who signed in."""
        application = Application(application_id=_new_id(), sub=sub, run=run, name=name, email=email, phone=phone)
        with self._lock:
            self._kept[application.application_id] = application
            while len(self._kept) > APPLICATIONS_MAX:
                self._kept.popitem(last=False)
        return application

    def find(self, application_id: str) -> Application | None:
        """The application, or None when it is not known any more."""
        with self._lock:
            return self._kept.get(application_id)

    def keep(self, application: Application, **changes: object) -> Application:
        """Put down what became of it."""
        changed = replace(application, **changes)  # type: ignore[arg-type] # the names and types are those of the dataclass
        with self._lock:
            self._kept[application.application_id] = changed
        return changed


def _new_id() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))
