"""What a client shows of itself where people sign in: name by language, picture, terms (RG-6)."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from PIL import Image
from werkzeug.test import TestResponse

from identity.operations import logos
from identity.providers.pictures import NotAPicture, as_small_png
from shared.clock import FixedClock
from shared.http import OutboundFailed, OutboundRefused, Reply
from shared.ids import SeededIds
from tests.conformance.identity.test_registration import BACK, manage, send
from tests.engines import Engines
from tests.factories.identity import House, furnished_copy, open_house, words_of

LOGO = "https://one.example/logo.png"
SHOWN = {"logo_uri": LOGO, "policy_uri": "https://one.example/privacy?a=1&b=2", "tos_uri": "https://one.example/terms"}
NAMES = {"client_name": "Bicycles <b>&", "client_name#es": "Bicicletas ñandú", "client_name#fr": "Vélos"}


@pytest.fixture
def sandbox(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> Iterator[House]:
    """An identity in which anybody may register."""
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True, environment="sandbox") as furnished:
        yield furnished


def picture(kind: str = "PNG", size: tuple[int, int] = (300, 150), **options: Any) -> bytes:
    made = BytesIO()
    Image.new("RGB", size, (18, 77, 135)).save(made, kind, **options)
    return made.getvalue()


class Address:
    """The client's own address: what it answers, and what was asked of it."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: Reply | Exception = Reply(200, {}, picture())
        self.calls: list[tuple[str, dict[str, Any]]] = []
        monkeypatch.setattr(house.identity.http, "request", self)

    def __call__(self, _method: str, url: str, **call: Any) -> Reply:
        self.calls.append((url, call))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def login_page(house: House, client_id: str) -> TestResponse:
    answer = house.browser().authorize(client_id=client_id, redirect_uri=BACK, scope="openid")
    assert answer.status_code == 200
    return answer


def main_of(answer: TestResponse) -> BeautifulSoup:
    return BeautifulSoup(answer.get_data(as_text=True), "html.parser").select_one("main")  # type: ignore[return-value]  # there is one


@pytest.mark.rule("identity", "RG-6", "AZ-25")
def test_people_see_who_asks_and_its_terms_and_no_other_site_hears_of_it(sandbox: House, monkeypatch: pytest.MonkeyPatch) -> None:
    address = Address(sandbox, monkeypatch)
    made = send(sandbox, scope="openid profile", **NAMES, **SHOWN)
    assert made.status_code == 201, made.json
    client_id = made.json["client_id"]
    assert not address.calls, "the registration does not wait for the picture"
    sandbox.run_jobs()
    assert address.calls == [(LOGO, {"timeout_seconds": 3.0, "max_bytes": 256 * 1024})]
    browser = sandbox.browser()
    login = browser.authorize(client_id=client_id, redirect_uri=BACK, scope="openid profile")
    consent = browser.log_in()
    for page in (login, consent):
        main = main_of(page)
        assert "Bicicletas ñandú" in words_of(page)
        assert [str(image["src"]) for image in main.select("img")] == [f"/logos/{client_id}"]
        links = [str(link["href"]) for link in main.select("a[rel]")]
        assert links == [SHOWN["policy_uri"], SHOWN["tos_uri"]]
        assert "img-src 'self';" in page.headers["Content-Security-Policy"]
        assert "one.example/logo" not in page.get_data(as_text=True)
    served = sandbox.client().get(f"/logos/{client_id}")
    assert (served.status_code, served.content_type) == (200, "image/png")
    assert Image.open(BytesIO(served.data)).size == (96, 48)
    assert served.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.rule("identity", "RG-6")
def test_the_name_is_told_in_the_persons_language(sandbox: House) -> None:
    client_id = send(sandbox, **NAMES).json["client_id"]
    found = {}
    for language in ("es", "en"):
        browser = sandbox.browser()
        browser.open(f"/?lang={language}")
        found[language] = browser.authorize(client_id=client_id, redirect_uri=BACK, scope="openid").get_data(as_text=True)
    assert "Bicicletas ñandú" in found["es"]
    assert "Bicycles &lt;b&gt;&amp;" in found["en"]
    assert "<b>&" not in found["en"]


@pytest.mark.rule("identity", "RG-6")
def test_clients_that_say_nothing_of_themselves_show_nothing(house: House) -> None:
    main = main_of(house.browser().authorize())
    assert not main.select("img, a[rel]")
    assert house.client().get("/logos/web").status_code == 404
    assert house.client().get("/logos/%00").status_code == 404


@pytest.mark.rule("identity", "RG-6", "CA-8")
def test_what_is_no_picture_is_left_out(sandbox: House, monkeypatch: pytest.MonkeyPatch) -> None:
    address = Address(sandbox, monkeypatch)
    answers: list[Reply | Exception] = [
        Reply(200, {}, b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        Reply(200, {}, b""),
        Reply(404, {}, picture()),
        Reply(302, {"location": "http://169.254.169.254/"}, b""),
        OutboundRefused("private"),
    ]
    for answer in answers:
        address.answer = answer
        client_id = send(sandbox, **SHOWN).json["client_id"]
        sandbox.run_jobs()
        assert sandbox.client().get(f"/logos/{client_id}").status_code == 404, answer
        assert "<img" not in str(main_of(login_page(sandbox, client_id)))
    assert len(address.calls) == len(answers), "none of these is asked again"


@pytest.mark.rule("identity", "RG-6")
def test_an_address_that_is_away_is_asked_again_and_not_for_ever(sandbox: House, monkeypatch: pytest.MonkeyPatch) -> None:
    address = Address(sandbox, monkeypatch)
    address.answer = OutboundFailed("away", sent=False)
    client_id = send(sandbox, **SHOWN).json["client_id"]
    for _ in range(logos.ATTEMPTS_MAX + 2):
        sandbox.run_jobs()
        sandbox.clock.advance(seconds=600)
    assert len(address.calls) == logos.ATTEMPTS_MAX
    assert sandbox.client().get(f"/logos/{client_id}").status_code == 404


@pytest.mark.rule("identity", "RG-6", "RG-8")
def test_the_picture_goes_with_the_registration(sandbox: House, monkeypatch: pytest.MonkeyPatch) -> None:
    address = Address(sandbox, monkeypatch)
    made = send(sandbox, **SHOWN).json
    sandbox.run_jobs()
    path, token = f"/logos/{made['client_id']}", made["registration_access_token"]
    first = sandbox.client().get(path).data
    address.answer = Reply(200, {}, picture("JPEG", (40, 40)))
    changed = {"client_id": made["client_id"], "redirect_uris": [BACK], "logo_uri": LOGO + "?2"}
    token = manage(sandbox, "PUT", made, token, **changed).json["registration_access_token"]
    assert sandbox.client().get(path).status_code == 404, "the old one is not the new one's"
    sandbox.run_jobs()
    second = sandbox.client().get(path)
    assert (second.status_code, second.data == first) == (200, False)
    token = manage(sandbox, "PUT", made, token, client_id=made["client_id"], redirect_uris=[BACK]).json["registration_access_token"]
    sandbox.run_jobs()
    assert sandbox.client().get(path).status_code == 404
    assert "policy_uri" not in manage(sandbox, "GET", made, token).json


@pytest.mark.rule("identity", "RG-6")
def test_pictures_are_made_anew() -> None:
    hidden = b"GPS of the photographer"
    given = picture("JPEG", (200, 200), comment=hidden) + b"<?php evil"
    made = as_small_png(given)
    assert hidden in given
    assert not {word for word in (hidden, b"<?php") if word in made}
    for kind in ("PNG", "GIF", "WEBP"):
        assert Image.open(BytesIO(as_small_png(picture(kind)))).format == "PNG"


def test_files_that_lie_are_no_pictures() -> None:
    good = picture()
    huge = good[:16] + (60_000).to_bytes(4, "big") + (60_000).to_bytes(4, "big") + good[24:]
    for bad in (
        b"",
        b"GIF89a",
        good[:40],
        huge,
        picture("BMP"),
        picture("TIFF"),
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 100,
        picture(size=(4_097, 1)),
    ):
        with pytest.raises(NotAPicture):
            as_small_png(bad)
