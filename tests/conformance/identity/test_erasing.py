"""An account that is closed for good: nothing that names its person is left, and the others keep their proofs (ID-12, §3.8)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from identity.errors import RegisterConflict, RegisterNotFound
from identity.models.finders import PERSONS, find_credentials, open_facts, person_scope
from identity.models.organisation import Role
from identity.models.person import PersonState
from identity.operations import erasing, giving, mandate_views, mandates, people, register
from identity.operations.giving import Gift
from identity.standards.oidc_claims import Facts
from shared.audit.sides import list_entries
from shared.crypto import CannotDecrypt
from shared.run import parse_run
from tests.conformance.identity.test_passkeys import enter
from tests.factories.counted import forgotten
from tests.factories.identity import PASSWORD, RUN, RUN_TOTP, House, words_of

WHO = parse_run(RUN)


def erase(house: House, run: str = RUN) -> None:
    erasing.erase(house.identity, parse_run(run), reason="asked at the counter", actor="operator")


def test_nothing_is_left_that_names_or_lets_in(house: House) -> None:
    person_id, browser = house.person_id(RUN), enter(house)
    sent = house.browser().sign_in()
    reply = house.token(house.code_form(sent["code"])).json
    sealed = house.identity.cipher.encrypt("a secret", scope=person_scope(person_id))
    with forgotten("identity") as gone:
        erase(house)
    assert gone["passwords"] == 1
    assert gone["audit_sides"] > 0
    with house.identity.reading() as tx:
        assert list_entries(tx.connection, house.identity.cipher, f"cl-run:{RUN}", limit=10) == [], "the log tells of nobody any more"
    assert "Camila" not in words_of(browser.open("/account")), "the sign-in page"
    assert house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {reply['access_token']}"}).status_code == 401
    unknown, erased = house.browser(), house.browser()
    answers = []
    for one, run in ((unknown, "7654321-6"), (erased, RUN)):
        one.authorize()
        answers.append(words_of(one.log_in(run, PASSWORD)))
    assert answers[0] == answers[1], "the RUN is one that nobody has"
    house.run_jobs()
    with pytest.raises(CannotDecrypt):
        house.identity.cipher.decrypt(sealed, scope=person_scope(person_id))
    with house.identity.reading() as tx:
        row = tx.connection.execute(text("SELECT * FROM persons WHERE id = :id"), {"id": person_id}).mappings().one()
        assert (row["state"], bytes(row["facts_sealed"])) == (PersonState.ERASED, b"")
        for table in erasing.OF_ONE_PERSON:
            assert tx.connection.execute(table.select().where(table.c.person_id == person_id)).all() == [], table.name
    assert [one["object"] for one in house.audited("identity:person:erased")] == [str(person_id)]


@pytest.mark.rule("identity", "§3.8")
def test_a_process_that_holds_the_key_lets_go_of_it_within_seconds(house: House) -> None:
    """Two processes of identity: the one that runs the job, and one that showed the person's page a moment ago."""
    person_id, other = house.person_id(RUN), replace(house.identity)
    sealed = house.identity.cipher.encrypt("a secret", scope=person_scope(person_id))
    with house.identity.reading() as tx:
        facts, written = tx.connection.execute(select(PERSONS.c.facts_sealed, PERSONS.c.updated_at).where(PERSONS.c.id == person_id)).one()
    try:
        assert open_facts(other.cipher, person_id, facts, written).given_names == ("Camila", "Andrea")
        erase(house)
        with forgotten("identity") as gone:
            house.run_jobs()
        assert gone["data_keys"] == 1
        house.clock.advance(seconds=2)
        with pytest.raises(CannotDecrypt):
            other.cipher.decrypt(sealed, scope=person_scope(person_id))
        with pytest.raises(CannotDecrypt):
            open_facts(other.cipher, person_id, facts, written)
    finally:
        other.close()


def test_the_run_may_begin_anew_as_somebody_else_to_every_service(house: House) -> None:
    before, old = house.person_id(RUN), enter(house)
    first = house.client().get("/openid/userinfo", headers=bearer(house)).json["sub"]
    erase(house)
    house.run_jobs()
    person_id = people.create_person(house.identity, Facts(WHO, ("Camila",), ("Soto",)), actor="test")
    people.set_password(house.identity, person_id, PASSWORD, actor="test")
    assert person_id != before
    assert house.client().get("/openid/userinfo", headers=bearer(house)).json["sub"] != first
    assert "Camila" not in words_of(old.open("/account"))
    erase(house)
    with house.identity.reading() as tx:
        assert find_credentials(tx.connection, house.identity.cipher, WHO) is None


def bearer(house: House) -> dict[str, str]:
    reply = house.token(house.code_form(house.new_code())).json
    return {"Authorization": f"Bearer {reply['access_token']}"}


@pytest.mark.rule("identity", "RP-5", "RP-7")
@pytest.mark.parametrize("gone", [RUN, RUN_TOTP])
def test_mandates_end_and_the_other_side_keeps_its_page(house: House, gone: str) -> None:
    now = house.clock.now()
    gift = Gift(WHO, ("read",), (), now, now + timedelta(days=30))
    mandate_id = giving.give(house.identity, house.person_id(RUN_TOTP), gift)
    giving.accept(house.identity, house.person_id(RUN), mandate_id)
    stays = house.person_id(RUN if gone == RUN_TOTP else RUN_TOTP)
    erase(house, gone)
    house.run_jobs()
    view, _ = mandate_views.look(house.identity, stays, mandate_id)
    assert view.state == "revoked"
    assert (view.grantee, view.principal) == (("", "José Ñancupil") if gone == RUN else ("Camila Andrea Soto Pérez", ""))
    with house.identity.reading() as tx:
        assert tx.connection.execute(mandates.MANDATES.select()).one().end_reason == "erased"


def test_staff_strangers_and_made_up_persons_are_refused(house: House) -> None:
    with pytest.raises(RegisterNotFound):
        erase(house, "7654321-6")
    register.add_member(house.identity, org_id="org-one", run=WHO, role=Role.OFFICER, expires_at=None, actor="test")
    with pytest.raises(RegisterConflict):
        erase(house)
    assert house.state_of(RUN) == PersonState.ACTIVE
    erase(house, RUN_TOTP)
    with pytest.raises(RegisterNotFound):
        erase(house, RUN_TOTP)


def test_the_command_asks_before_it_erases(house: House) -> None:
    def run(*args: str, typed: str = "") -> tuple[int, str]:
        result = house.app.test_cli_runner().invoke(args=["identity", "erase-person", *args], input=typed)
        return result.exit_code, result.output

    assert run("--run", RUN, "--reason", "asked", typed="n\n")[0] == 1
    assert house.state_of(RUN) == PersonState.ACTIVE
    assert run("--run", "11111111-2", "--reason", "asked", "--yes")[0] == 1
    assert run("--run", "7654321-6", "--reason", "asked", "--yes")[0] == 1
    status, said = run("--yes", typed=f"{RUN}\nasked\n")
    assert (status, said.strip().endswith("erased")) == (0, True), said
    assert house.state_of(RUN) == ""
