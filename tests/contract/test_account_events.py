"""What identity says of an account is what the wallet does: both services are here, and the event goes from one to the other.

Spec: wallet contract §11; RFC 8417, RFC 8935.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from identity.models.finders import SUBJECTS
from identity.models.person import PersonState
from identity.operations import erasing, people, register, security
from shared.clock import FixedClock
from shared.http import Reply
from shared.ids import SeededIds
from shared.run import parse_run
from tests.engines import Engines
from tests.factories.identity import ISSUER, RUN, SECRET, House, furnished_copy, open_house, web_client
from tests.factories.wallet import PUBLIC_URL, World
from tests.factories.wallet_fixtures import make_world


@pytest.fixture
def house(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> Iterator[House]:
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True) as furnished:
        yield furnished


@pytest.fixture
def world(house: House, database: Callable[[str], str], redis_url: str, clock: FixedClock, ids: SeededIds) -> Iterator[World]:
    """A wallet in which the person of the tests gave a permission; identity pushes to it, and it knows identity's keys."""
    made = make_world(database("wallet"), redis_url, clock, ids)
    made.granted()
    made.wallet.settings = replace(made.wallet.settings, issuer=ISSUER)
    made.wallet.__dict__["issuer_keys"] = house.identity.issuer_keys
    new = web_client(client_id="wallet-portal", sector="wallet.example")
    register.create_client(house.identity, new, actor="test", secret=SECRET)
    known = {"person_id": house.person_id(RUN), "sector": "wallet.example", "sub": f"sub-{RUN}", "key_version": "1"}
    with house.identity.transaction() as tx:
        tx.connection.execute(SUBJECTS.insert().values(known))
    house.identity.settings = replace(house.identity.settings, event_receivers=(f"wallet-portal={PUBLIC_URL}/events",))

    def hand_over(method: str, url: str, *, body: bytes = b"", headers: dict[str, str], **_: Any) -> Reply:
        answer = made.app.test_client().open(urlsplit(url).path, method=method, data=body, headers=headers)
        return Reply(answer.status_code, {}, answer.data)

    house.identity.http.request = hand_over  # type: ignore[method-assign, assignment]  # what is used of it
    yield made
    made.wallet.close()


def close_all(house: House) -> None:
    security.close_elsewhere(house.identity, house.person_id(RUN), only_id=None, present=None)


def disown(house: House) -> None:
    security.lock_down(house.identity, house.person_id(RUN), event_id=None)


def suspend(house: House) -> None:
    people.set_state(house.identity, house.person_id(RUN), PersonState.SUSPENDED, actor="test")


def erase(house: House) -> None:
    erasing.erase(house.identity, parse_run(RUN), reason="asked", actor="test")


@pytest.mark.rule("wallet", "§11")
@pytest.mark.parametrize(
    ("act", "consent", "page"),
    [
        (close_all, ("active", None), 303),
        (disown, ("suspended", "credential_compromise"), 303),
        (suspend, ("suspended", "account_disabled"), 403),
        (erase, ("invalidated", "account_purged"), 403),
    ],
)
def test_what_happens_to_an_account_at_identity_is_felt_at_the_wallet(
    house: House, world: World, act: Callable[[House], None], consent: tuple[str, str | None], page: int
) -> None:
    browser = world.browser(RUN)
    assert browser.get("/").status_code == 200
    house.clock.advance(seconds=60)
    act(house)
    house.run_jobs()
    assert [tuple(row) for row in world.run_sql("select state, state_reason from consents")] == [consent]
    assert browser.get("/").status_code == page
