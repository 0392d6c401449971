"""A bulk transfer as a body sends it, and what its people then read."""

from typing import Any

from werkzeug.test import TestResponse

from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.run import check_digit
from tests.factories.wallet import DATASET, FIELDS, OTHER_RUN, PURPOSE, RECORD, RUN, World, agreement, law_agreement

BULK_AGREEMENT = "agr-bulk"
LIMITS: dict[str, object] = {"sensitive_allowed": True, "modes": ["view"], "max_duration": 90 * 86_400}
CRITERIA = {"es": "Quienes postulan a un colegio este año.", "en": "Everybody who applies to a school this year."}
OTHERS = [f"{number}-{check_digit(number)}" for number in range(10_000_000, 10_000_099)]
STRANGER = "15000000-" + check_digit(15_000_000)


def code(answer: TestResponse) -> str:
    return str(answer.json["type"]).removeprefix("urn:andamio:problem:")


def persons(*first: dict[str, object]) -> list[dict[str, object]]:
    """One more than a batch has: those named, or RUN and OTHER_RUN, and others."""
    named = list(first) or [person(RUN), person(OTHER_RUN)]
    return [*named, *map(person, OTHERS)]


def person(run: str, **more: object) -> dict[str, object]:
    return {"subject": {"scheme": "cl-run", "value": run}, **more}


def send(world: World, who: list[dict[str, object]] | None = None, **changes: object) -> TestResponse:
    body: dict[str, Any] = {"request_id": "bulk-0001", "persons": who or persons(), "dataset_id": DATASET, "fields": FIELDS}
    body |= {"purpose_id": PURPOSE, "basis": {"kind": "law", "agreement_id": BULK_AGREEMENT}, "criteria": CRITERIA}
    body |= {"official": {"id": "secretaria-01", "unit": "Admisión"}, **changes}
    return world.app.test_client().post("/exchange/v1/batches", json=body, headers=world.bearer())


def signed(world: World) -> None:
    with world.wallet.db.begin() as connection:
        sequence_pending(connection)
        sign_checkpoint(connection, world.wallet.audit_signer, world.clock)


def lines(world: World, run: str) -> list[dict[str, Any]]:
    return list(world.browser(run).get("/me/access-log").json["lines"])


def allow_bulk(world: World) -> None:
    """Agreements under which many people may be asked about, by law and by consent, and a second person with data."""
    now = world.clock.now()
    limits = {**LIMITS, "bulk": True}
    world.add(law_agreement(now, agreement_id=BULK_AGREEMENT, limits=limits))
    world.add(agreement(now, agreement_id="agr-bulk-consent", limits=limits))
    world.register.people[OTHER_RUN] = dict(RECORD)
