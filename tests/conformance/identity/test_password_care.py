"""Passwords that thieves know are changed at sign-in; foreign hashes count once; every lock and unlock is told (PW-6, PW-8, LK-7)."""

import base64
import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import bcrypt
import pytest

from identity.errors import RegisterConflict
from identity.models.history import What
from identity.operations import history, people
from identity.providers import foreign_hashes
from identity.providers.base import Hashed
from identity.providers.password_hasher import Argon2Hasher, Gate
from identity.standards import passwords
from identity.standards.oidc_claims import Facts
from shared.run import parse_run
from tests.conformance.identity.test_passkeys import add_passkey, enter, use
from tests.factories.authenticator import Authenticator, options_of
from tests.factories.identity import PASSWORD, PUBLIC_URL, RUN, House, sent_to_client, words_of

FOREIGN, GOOD, NEW = "7654321-6", "lluvia tejado naranja reloj", "cuatro palabras sin relación"


class Breached:
    """A list with one password."""

    def has(self, password: str) -> bool:
        return password == PASSWORD


@pytest.mark.rule("identity", "PW-6", "PW-5")
def test_a_stolen_password_signs_in_once_more_and_is_changed_on_the_way(house: House) -> None:
    house.identity.__dict__["breaches"] = Breached()
    browser = house.browser()
    browser.authorize()
    shown = browser.log_in()
    assert "Elija una contraseña nueva" in words_of(shown)
    assert sent_to_client(browser.authorize(prompt="none"))["error"] == "interaction_required"
    browser.authorize()
    assert browser.send({"password": "breve"}).status_code == 400
    assert browser.send({"password": PASSWORD}).status_code == 400, "not the same again"
    assert "code" in sent_to_client(browser.send({"password": NEW}))
    assert "code" in house.browser().sign_in(password=NEW)
    assert len(house.audited("identity:password:change-needed")) == 1
    assert PASSWORD not in str(house.audited("identity:password:change-needed"))


@pytest.mark.rule("identity", "PW-6")
def test_a_good_password_is_left_alone_and_a_short_one_is_no_evidence(house: House) -> None:
    people.set_password(house.identity, house.person_id(RUN), "tres ojos", actor="test")
    assert "code" in house.browser().sign_in(password="tres ojos")


@pytest.mark.rule("identity", "PW-6")
@pytest.mark.parametrize("typed", ["12031994", "19940312", "camila12031994"])
def test_a_date_of_birth_is_no_password(typed: str) -> None:
    personal = ["Camila", *passwords.forms_of_day(date(1994, 3, 12))]
    found = passwords.fault_of(typed, personal=personal, length_min=8, is_breached=lambda _: False)
    assert found is passwords.Fault.PERSONAL


def pbkdf2(password: str, *, name: str = "sha256") -> str:
    made = hashlib.pbkdf2_hmac(name, password.encode(), b"salt of theirs", 1_000)
    salt, digest = (base64.b64encode(part).decode().rstrip("=").replace("+", ".") for part in (b"salt of theirs", made))
    return f"$pbkdf2-{name}$1000${salt}${digest}"


def by_bcrypt(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


@pytest.mark.rule("identity", "PW-8")
@pytest.mark.parametrize("make", [by_bcrypt, pbkdf2, lambda password: pbkdf2(password, name="sha512")])
def test_a_foreign_hash_counts_once_and_is_made_anew(house: House, make: Callable[[str], str]) -> None:
    peppers = house.identity.settings.peppers.reveal()
    house.identity.__dict__["hasher"] = Argon2Hasher(peppers, Gate(at_once=2, waiting=8, wait_ms=20_000))
    people.create_person(house.identity, Facts(parse_run(FOREIGN), ("Rosa",), ("Quilodrán",)), actor="test")
    people.import_password(house.identity, parse_run(FOREIGN), make(GOOD), actor="test")
    browser = house.browser()
    browser.authorize()
    assert browser.log_in(FOREIGN, GOOD + "x").status_code == 400
    assert "code" in sent_to_client(browser.log_in(FOREIGN, GOOD))
    assert len(house.audited("identity:password:rehashed")) == 1
    assert "code" in house.browser().sign_in(FOREIGN, GOOD)
    assert len(house.audited("identity:password:rehashed")) == 1
    with pytest.raises(RegisterConflict):
        people.import_password(house.identity, parse_run(FOREIGN), make("another"), actor="test")


@pytest.mark.rule("identity", "PW-8")
@pytest.mark.parametrize(
    "text",
    ["", "plain", "$1$abc$def", "$2b$31$" + "a" * 53, "$2b$10$short", "$pbkdf2-sha1$1000$YWJj$YWJj", "$pbkdf2-sha256$99999999$YWJj$YWJj"],
)
def test_what_is_no_hash_or_would_cost_too_much_is_not_taken(house: House, text: str) -> None:
    assert not foreign_hashes.is_known(text)
    with pytest.raises(RegisterConflict):
        people.import_password(house.identity, parse_run(RUN), text, actor="test")


@pytest.mark.rule("identity", "PW-8")
def test_a_file_of_hashes_is_taken_over_line_by_line(house: House, tmp_path: Path) -> None:
    people.create_person(house.identity, Facts(parse_run(FOREIGN), ("Rosa",), ("Quilodrán",)), actor="test")
    source = tmp_path / "hashes"
    source.write_text(f"{FOREIGN} {pbkdf2(GOOD)}\n{RUN} {pbkdf2(GOOD)}\n1-1 x\n", encoding="ascii")
    result = house.app.test_cli_runner().invoke(args=["identity", "import-passwords", str(source)])
    assert "1 passwords" in result.output
    assert "line 2: not taken" in result.output
    assert GOOD not in result.output


def test_a_long_password_is_cut_as_bcrypt_cut_it() -> None:
    stored = by_bcrypt("x" * 72)
    assert foreign_hashes.verify(stored, "x" * 80)
    assert not foreign_hashes.verify(stored, "x" * 71)
    assert not foreign_hashes.verify(stored, "x" * 71 + "\0")
    assert not foreign_hashes.verify(Hashed("nonsense", "").text, "x")


def lock_out(house: House) -> None:
    """Have a stranger use the free tries up."""
    stranger = house.browser()
    stranger.authorize()
    for number in range(6):
        stranger.log_in(RUN, f"wrong {number}")


def told(house: House) -> tuple[list[What], list[str]]:
    kinds = [row.what for row in history.read(house.identity, house.person_id(RUN)) if row.what in {What.LOGIN_BLOCKED, What.UNBLOCKED}]
    return kinds, [kind for kind in house.notices() if kind.startswith("login-")]


@pytest.mark.rule("identity", "LK-7", "LK-2")
def test_a_passkey_unlocks_and_it_is_told(house: House) -> None:
    key = Authenticator(PUBLIC_URL)
    add_passkey(enter(house), key)
    lock_out(house)
    assert told(house) == ([What.LOGIN_BLOCKED], ["login-blocked"] * 2)
    browser = house.browser()
    use(browser, key.get(options_of(browser.authorize())))
    assert told(house) == ([What.UNBLOCKED, What.LOGIN_BLOCKED], ["login-blocked"] * 2 + ["login-unblocked"] * 2)
    other = house.browser()
    other.authorize()
    assert other.log_in().status_code == 200, "the password works again in a new browser without the wait; the passkey is asked next"


@pytest.mark.rule("identity", "LK-7")
def test_waiting_unlocks_and_it_is_told_once(house: House) -> None:
    lock_out(house)
    stranger = house.browser()
    stranger.authorize()
    assert stranger.log_in().status_code == 400, "still waiting"
    house.clock.advance(seconds=120)
    stranger.authorize()
    assert "code" in sent_to_client(stranger.log_in())
    assert told(house)[0] == [What.UNBLOCKED, What.LOGIN_BLOCKED]
    assert "code" in house.browser().sign_in()
    assert told(house)[0] == [What.UNBLOCKED, What.LOGIN_BLOCKED]
    assert len(house.audited("identity:login:unblocked")) == 1


@pytest.mark.rule("identity", "LK-7")
def test_who_was_never_locked_is_told_nothing(house: House) -> None:
    browser = house.browser()
    browser.authorize()
    browser.log_in(RUN, "wrong")
    assert "code" in sent_to_client(browser.log_in())
    assert told(house) == ([], [])
