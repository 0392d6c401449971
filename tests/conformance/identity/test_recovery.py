"""Recovery: the same for every RUN; weak proofs wait and can be stopped (§3.7)."""

import re

import pytest

from identity.models.history import What
from identity.operations import history, recovery
from identity.operations.refusals import PasswordRefused, RecoveryRefused
from identity.providers.sim_changes import RestSimChanges
from shared.http import OutboundTimeout, Reply
from shared.run import parse_run
from tests.conformance.identity.test_account import make_codes
from tests.conformance.identity.test_passkeys import enter
from tests.factories.identity import PASSWORD, PUBLIC_URL, RUN, RUN_TOTP, Browser, House, sent_to_client, words_of

NEW = "lluvia tejado naranja reloj"


def codes_of(house: House) -> dict[str, str]:
    """The code sent on each channel."""
    found = {}
    for message in house.deliver():
        code = re.search(r"\b[0-9]{6}\b", message["subject"] + " " + message["body"])
        if code and "recuperar" in message["subject"] + message["body"]:
            found[message["channel"]] = code[0]
    return found


def start(house: House, run: str) -> Browser:
    browser = house.browser()
    browser.open("/recover")
    house.clock.advance(seconds=16)
    browser.send({"run": run})
    return browser


@pytest.mark.rule("identity", "§3.7", "RUN-7")
def test_every_run_gets_the_same_pages(house: House) -> None:
    pages = [words_of(start(house, run).page) for run in (RUN, RUN_TOTP, "76354771-K")]  # type: ignore[arg-type]  # a page was opened
    assert len(set(pages)) == 1
    unknown = start(house, "76354771-K")
    assert unknown.send({"code": "123456"}).status_code == 400


class Cards:
    """A checker of telephones that says when each card was changed, or is away."""

    def __init__(self, answer: Reply | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    def request(self, _method: str, url: str, *, json: dict[str, str], timeout_seconds: float) -> Reply:
        self.asked.append((url, json["phone"]))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.rule("identity", "§3.4", "§3.7")
@pytest.mark.parametrize(
    ("answer", "is_sent"),
    [
        (Reply(200, {}, b'{"changed_at": "2026-06-07T12:00:00Z"}'), False),
        (Reply(200, {}, b'{"changed_at": "2026-06-01T12:00:00Z"}'), True),
        (Reply(200, {}, b'{"changed_at": null}'), True),
        (Reply(500, {}, b"{}"), True),
        (Reply(200, {}, b'{"changed_at": "yesterday"}'), True),
        (Reply(200, {}, b'{"changed_at": "2026-06-07T12:00:00"}'), True),
        (Reply(200, {}, b"[]"), True),
        (OutboundTimeout("slow"), True),
    ],
)
def test_a_telephone_whose_card_was_changed_lately_gets_no_code(house: House, answer: Reply | Exception, is_sent: bool) -> None:
    cards = Cards(answer)
    house.identity.__dict__["sim_changes"] = RestSimChanges(cards, url="https://cards.example")  # type: ignore[arg-type]  # what is used of it
    start(house, RUN)
    assert codes_of(house).keys() == ({"email", "sms"} if is_sent else {"email"}), "and one that cannot say keeps nobody out"
    assert cards.asked == [("https://cards.example/v1/sim-changes", "+56911111111")]
    told = [message["subject"] for message in house.deliver() if message["channel"] == "email"]
    assert any("el chip cambió" in subject for subject in told) is not is_sent
    seen = [row.what for row in history.read(house.identity, house.person_id(RUN))]
    assert (What.CODE_HELD in seen) is not is_sent


@pytest.mark.rule("identity", "LK-4")
def test_robots_do_not_begin_recoveries(house: House) -> None:
    browser = house.browser()
    browser.open("/recover")
    assert browser.send({"run": RUN}).status_code == 400
    assert house.audited("identity:recovery:started") == []


@pytest.mark.rule("identity", "§3.7")
def test_with_a_password_alone_one_proof_sets_a_new_one_and_ends_everything(house: House) -> None:
    elsewhere = house.browser()
    elsewhere.sign_in()
    browser = start(house, RUN)
    code = codes_of(house)["email"]
    browser.send({"code": code})
    assert browser.send({"password": "corta"}).status_code == 400
    assert browser.send({"password": NEW}).status_code == 200
    assert 'id="password"' in elsewhere.authorize().get_data(as_text=True)
    again = house.browser()
    again.authorize()
    assert again.log_in(RUN, PASSWORD).status_code == 400
    assert "code" in sent_to_client(again.log_in(RUN, NEW))
    assert "recovered" in house.notices()


@pytest.mark.rule("identity", "§3.7")
def test_with_two_factors_one_proof_waits_a_day_and_two_do_not(house: House) -> None:
    person = enter(house, RUN_TOTP)
    paper = make_codes(person)
    house.give_contacts(RUN_TOTP, email="jose@example.com", phone="+56922222222")
    house.deliver()
    first = recovery.begin(house.identity, parse_run(RUN_TOTP))
    found = recovery.prove(house.identity, first, codes_of(house)["email"])
    assert not found.is_ready
    with pytest.raises(RecoveryRefused):
        recovery.finish(house.identity, first, NEW)
    told = [message for message in house.deliver() if "/recover/stop/" in message["body"]]
    assert told
    assert recovery.prove(house.identity, first, paper[0]).is_ready
    recovery.finish(house.identity, first, NEW)
    with pytest.raises(RecoveryRefused):
        recovery.finish(house.identity, first, NEW)


@pytest.mark.rule("identity", "§3.7")
def test_the_wait_can_be_stopped_by_the_link_and_ends_after_a_day(house: House) -> None:
    house.give_contacts(RUN_TOTP, email="jose@example.com", phone="+56922222222")
    for stopped in (True, False):
        begun = recovery.begin(house.identity, parse_run(RUN_TOTP))
        recovery.prove(house.identity, begun, codes_of(house)["email"])
        link = next(re.search(r"https://\S+/recover/stop/\S+", m["body"]) for m in house.deliver() if "/recover/stop/" in m["body"])
        assert link
        if stopped:
            browser = house.browser()
            browser.open(link[0].removeprefix(PUBLIC_URL))
            assert "se detuvo" in words_of(browser.send({}))
        house.clock.advance(seconds=86_400)
        if stopped:
            with pytest.raises(RecoveryRefused):
                recovery.finish(house.identity, begun, NEW)
        else:
            recovery.finish(house.identity, begun, NEW)


@pytest.mark.rule("identity", "§3.7")
def test_codes_die_after_five_tries_and_a_day_has_few(house: House) -> None:
    begun = recovery.begin(house.identity, parse_run(RUN))
    code = codes_of(house)["email"]
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(5):
        with pytest.raises(RecoveryRefused):
            recovery.prove(house.identity, begun, wrong)
    house.clock.advance(seconds=61)
    with pytest.raises(RecoveryRefused):
        recovery.prove(house.identity, begun, code)
    for _ in range(8):
        recovery.begin(house.identity, parse_run(RUN))
    assert house.notices().count("recovery-code") == 8, "four more times, on two channels"


def test_a_fresh_contact_does_not_recover(house: House) -> None:
    browser = enter(house)
    browser.open("/account/profile/email")
    browser.send({"value": "ladron@example.com"})
    sent = house.deliver()[0]
    code = re.search(r"\b[0-9]{6}\b", sent["subject"])
    assert code
    browser.send({"code": code[0]})
    house.deliver()
    recovery.begin(house.identity, parse_run(RUN))
    assert set(codes_of(house)) == {"sms"}
    house.clock.advance(seconds=7 * 86_400)
    recovery.begin(house.identity, parse_run(RUN))
    assert set(codes_of(house)) == {"sms", "email"}


def test_a_weak_password_is_refused(house: House) -> None:
    begun = recovery.begin(house.identity, parse_run(RUN))
    recovery.prove(house.identity, begun, codes_of(house)["sms"])
    with pytest.raises(PasswordRefused):
        recovery.finish(house.identity, begun, "Camila Andrea Soto")
