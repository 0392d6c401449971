"""Attacks on sign-in: stuffing, spraying, parallel guesses; strangers are slowed, nobody is locked out (§3.5)."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from identity.operations import guards
from shared.run import Run, check_digit
from tests.factories.identity import PASSWORD, PUBLIC_URL, RUN, Browser, House, sent_to_client, words_of


def at(house: House, address: str) -> Browser:
    """A browser at an address of the public internet."""
    browser = house.browser()
    browser.http.environ_base["REMOTE_ADDR"] = address
    return browser


def runs(count: int) -> list[str]:
    return [str(Run(number, check_digit(number))) for number in range(7_000_000, 7_000_000 + count)]


def is_checked(browser: Browser) -> bool:
    assert browser.page is not None
    return 'name="ticket"' in browser.page.get_data(as_text=True)


@pytest.mark.rule("identity", "LK-3", "LK-4")
def test_one_password_for_many_accounts_is_noticed_and_waiting_goes_on(house: House) -> None:
    for number, run in enumerate(runs(20)):
        sprayer = at(house, f"200.1.{number}.9")
        sprayer.authorize()
        sprayer.log_in(run, "Primavera2026!")
    victim = at(house, "200.2.2.2")
    victim.authorize()
    victim.log_in(RUN, "Primavera2026!")
    assert is_checked(victim)
    assert victim.log_in(RUN, "Primavera2026!").status_code == 400
    assert is_checked(victim), "at once it is not earned"
    house.clock.advance(seconds=16)
    answer = victim.log_in(RUN, "Primavera2026!")
    assert not is_checked(victim)
    assert "no es correcto" in words_of(answer) or "no son correctos" in words_of(answer) or answer.status_code == 400
    other = at(house, "200.2.2.3")
    assert "code" in other.sign_in(), "another password is not touched by it"


@pytest.mark.rule("identity", "LK-3")
def test_an_address_that_sends_too_much_is_checked_and_others_are_not(house: House) -> None:
    loud = at(house, "200.3.3.3")
    loud.authorize()
    with house.identity.db.begin() as connection:
        from identity.operations import guards

        for _ in range(300):
            guards.count(house.identity, connection, guards._of_address(guards.Origin("200.3.3.3")))
    loud.log_in()
    assert is_checked(loud)
    house.clock.advance(seconds=16)
    assert "code" in sent_to_client(loud.log_in())
    assert "code" in at(house, "200.4.4.4").sign_in()
    house.clock.advance(seconds=301)
    assert "code" in at(house, "200.3.3.3").sign_in(), "the next window begins anew"


@pytest.mark.rule("identity", "LK-3", "LK-2")
def test_stuffing_from_many_addresses_brings_the_check_to_strangers_and_spares_known_browsers(house: House) -> None:
    mine = at(house, "200.9.9.9")
    mine.sign_in()
    with house.identity.db.begin() as connection:
        from identity.operations import guards
        from shared.run import parse_run

        origin = guards.Origin("200.5.5.5")
        guards.note_failure(house.identity, connection, origin, parse_run(RUN), "x")
        connection.execute(text("UPDATE counts SET count = 3001"))
    stranger = at(house, "200.6.6.6")
    stranger.authorize()
    stranger.log_in()
    assert is_checked(stranger)
    assert "code" in mine.sign_in(prompt="login"), "the person's own browser goes on"


@pytest.mark.rule("identity", "LK-6")
def test_of_fifty_guesses_at_once_five_are_looked_at(house: House) -> None:
    def guess(number: int) -> int:
        browser = house.browser()
        browser.authorize()
        return browser.log_in(RUN, f"guess {number}").status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(guess, range(50))) == {400}
    assert len(house.audited("identity:login:failed")) == 5
    assert len(house.audited("identity:login:blocked")) == 45
    assert house.notices().count("login-blocked") == 2, "told once, by mail and by text"


@pytest.mark.rule("identity", "LK-3")
def test_counters_name_nobody(house: House) -> None:
    browser = at(house, "200.7.7.7")
    browser.authorize()
    browser.log_in(RUN, "a wrong secret")
    with house.identity.db.engine.connect() as connection:
        rows = connection.execute(text("SELECT encode(key, 'escape') FROM counts")).scalars().all()
    assert len(rows) == 5
    assert not re.search(r"200\.7|11111111|wrong secret", " ".join(rows))


@pytest.mark.rule("identity", "LK-4")
def test_a_ticket_is_spent_once(house: House) -> None:
    from identity.operations import guards

    ticket = guards.give_ticket(house.identity, "login")
    house.clock.advance(seconds=20)
    assert guards.passes(house.identity, "login", ticket, "")
    assert not guards.passes(house.identity, "login", ticket, "")


@pytest.mark.rule("identity", "§3.13")
def test_the_sign_in_page_with_all_it_loads_is_under_fifty_kilobytes(house: House) -> None:
    browser = house.browser()
    page = browser.authorize()
    total = len(page.get_data())
    for name in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.get_data(as_text=True))):
        answer = browser.http.get(name, base_url=PUBLIC_URL, headers={"Accept-Encoding": "gzip"})
        total += len(answer.get_data())
        for font in set(re.findall(r"url\(([^)]+woff2)\)", browser.http.get(name, base_url=PUBLIC_URL).get_data().decode("latin-1"))):
            total += len(browser.http.get(f"/static/{font.rpartition('/')[2]}", base_url=PUBLIC_URL).get_data())
    assert total <= 50 * 1024, total


@pytest.mark.rule("identity", "§3.9")
def test_on_a_shared_device_each_service_asks_anew_and_idleness_ends_it(house: House) -> None:
    kiosk = house.browser()
    kiosk.open("/kiosk")
    kiosk.send({"shared": "yes"})
    kiosk.sign_in()
    house.clock.advance(seconds=1)
    assert 'id="password"' in kiosk.authorize(client_id="web-two").get_data(as_text=True)
    kiosk.log_in()
    assert kiosk.open("/account").status_code == 200
    house.clock.advance(seconds=121)
    assert 'id="password"' in kiosk.open("/account").get_data(as_text=True)
    with house.identity.db.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM known_devices")).scalar_one() == 0
    assert PASSWORD not in kiosk.page.get_data(as_text=True)  # type: ignore[union-attr]  # a page was opened


@pytest.mark.rule("identity", "LK-3", "LK-6")
def test_stolen_pairs_from_many_addresses_cost_no_hash_once_too_many_failed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ten thousand RUNs with three passwords each, smaller: each pair, and each address, comes once."""
    monkeypatch.setattr(guards, "FAILURES_MAX", 60)
    mine = at(house, "200.9.9.9")
    mine.sign_in()
    thief = house.browser()
    thief.authorize()
    hasher: Any = house.identity.hasher
    hasher.verified = 0
    for number, run in enumerate([RUN, *runs(49)] * 3):
        thief.http.environ_base["REMOTE_ADDR"] = f"200.{number // 250 + 10}.{number % 250}.7"
        assert thief.log_in(run, f"stolen pair {number}").status_code == 400
    assert hasher.verified == 61, "the failure that was one too many was the last that was looked at"
    assert is_checked(thief)
    assert len(house.audited("identity:login:failed")) == 61
    assert "code" in mine.sign_in(prompt="login"), "the person's own browser goes on"
    house.clock.advance(seconds=301)
    assert "code" in at(house, "200.8.8.8").sign_in(), "and strangers do, five minutes later"
