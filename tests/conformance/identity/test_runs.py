"""The RUN is few and guessable: whoever has the database alone must not find it (RUN-5…RUN-7)."""

import base64
import hashlib
from pathlib import Path

import pytest
from sqlalchemy import text

from identity.models.finders import find_credentials, run_index
from identity.operations import people
from identity.standards.oidc_claims import Facts
from shared.clock import FixedClock
from shared.crypto import ROOT, CannotDecrypt, data_keys
from shared.ids import SeededIds
from shared.run import parse_run
from shared.settings import Secret
from tests.engines import Engines
from tests.factories.identity import PASSWORD, RUN, House, furnished_copy, open_house


@pytest.mark.rule("identity", "RUN-5")
def test_a_person_may_have_a_number_from_the_range_of_companies(house: House) -> None:
    for number in ("61001000-8", "100000009-0"):
        facts = Facts(parse_run(number), ("Luz",), ("Ñanco",))
        person = people.create_person(house.identity, facts, actor="test")
        people.set_password(house.identity, person, PASSWORD, actor="test")
        assert "code" in house.browser().sign_in(run=number)


@pytest.mark.rule("identity", "RUN-6", "RUN-7")
def test_the_database_has_no_run_and_no_plain_hash_of_one(house: House) -> None:
    house.browser().sign_in()
    house.browser().authorize()
    digits, written = RUN.partition("-")[0], {RUN, parse_run(RUN).shown}
    plain = {hashlib.new(kind, form.encode()).hexdigest() for kind in ("md5", "sha1", "sha256") for form in (*written, digits)}
    with house.identity.db.engine.connect() as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        dump = "".join(row for name in tables for row in connection.execute(text(f'SELECT t::text FROM "{name}" t')).scalars())
    assert not {form for form in (*written, *plain) if form in dump}


@pytest.mark.rule("identity", "RUN-6")
def test_a_run_is_found_by_a_key_that_the_database_alone_does_not_give(
    engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds, house: House
) -> None:
    other = Secret("k1:" + base64.b64encode(b"o" * 32).decode())
    run = parse_run(RUN)
    with (
        furnished_copy(engines, run_folder) as url,
        open_house(url, clock, ids, furnished=True, encryption_keys=other) as thief,
    ):
        with pytest.raises(CannotDecrypt):
            run_index(thief.identity.cipher, run)
        with thief.identity.transaction() as tx:
            tx.connection.execute(data_keys.delete().where(data_keys.c.scope == ROOT))
        with thief.identity.reading() as tx:
            assert run_index(thief.identity.cipher, run) != run_index(house.identity.cipher, run)
            assert find_credentials(tx.connection, thief.identity.cipher, run) is None
    with house.identity.reading() as tx:
        assert find_credentials(tx.connection, house.identity.cipher, run) is not None
