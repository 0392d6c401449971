"""What a person sees and does.  Spec: wallet contract §4.1, §5.4; L10, L12."""

import json
import uuid
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup

from shared.audit.proofs import check_proof
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.clock import ZONE
from tests.factories.wallet import DATASET, FIELDS, OTHER_RUN, PUBLIC_URL, RETURN, SCHOOL, World
from wallet.standards.canonical import sha256_of

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def path(view_uri: str) -> str:
    return view_uri.removeprefix(PUBLIC_URL)


def soup(text: str) -> BeautifulSoup:
    return BeautifulSoup(text, "html.parser")


def decision_page(world: World, **item: object) -> BeautifulSoup:
    asked = world.ask(world.request_body(world.item(**item)))
    return soup(world.browser().get(path(asked.json["view_uri"]), follow_redirects=True).text)


@pytest.mark.rule("wallet", "U1")
def test_yes_and_no_are_the_same_kind_of_button_and_nothing_is_chosen(world: World) -> None:
    page = decision_page(world, fields=["full_name"], optional_fields=["has_record"])
    grant, refuse = (page.select_one(f"main form button[name=decision][value={value}]") for value in ("grant", "refuse"))
    assert grant is not None
    assert refuse is not None
    assert grant["class"] == refuse["class"]
    assert grant.parent is refuse.parent
    boxes = page.select("input[type=checkbox]")
    assert len(boxes) == 1
    assert not boxes[0].has_attr("checked")


@pytest.mark.rule("wallet", "U2")
@pytest.mark.rule("wallet", "L10")
def test_the_page_says_who_whose_whence_why_until_and_that_no_is_harmless(world: World) -> None:
    page = decision_page(world)
    words = page.main.get_text(" ")
    for said in ("Colegio Las Araucarias", "11.111.111-1", "Registro Civil", "Contratar en un colegio", "Hasta cuándo"):
        assert words.index(said) < words.index("Sí, pueden verlos")
    assert "no pierde ningún derecho" in words
    assert "el certificado en papel" in words
    assert len(page.select("main")) == len(page.select("h1")) == 1


@pytest.mark.rule("wallet", "U7")
def test_a_sensitive_field_is_marked_by_a_word(world: World) -> None:
    marked = [row.get_text(" ") for row in decision_page(world).select("main li") if "Sensible" in row.get_text()]
    assert len(marked) == 1
    assert "has_record" in marked[0]


@pytest.mark.rule("wallet", "U15")
def test_words_of_a_body_are_text_and_marked_as_theirs(world: World) -> None:
    asked = world.ask(world.request_body(message={"es": EVIL}, state=EVIL))
    page = world.browser().get(path(asked.json["view_uri"]), follow_redirects=True)
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    inset = soup(page.text).select_one(".govuk-inset-text")
    assert inset is not None
    assert EVIL in inset.get_text()
    assert "en sus palabras" in inset.get_text()


def test_names_in_the_registry_are_text_on_every_page(world: World) -> None:
    world.run_sql("update organisations set name = :evil", evil=EVIL)
    consent_id = world.granted()
    world.fetch(world.exchange_body(consent_id))
    for address in ("/", "/permissions", f"/consents/{consent_id}", f"/consents/{consent_id}/withdraw", "/access-log"):
        page = world.browser().get(address)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "alert(1)" in page.text


@pytest.mark.rule("wallet", "§5.4")
def test_the_link_is_for_one_person_and_one_session(world: World) -> None:
    link = path(world.ask().json["view_uri"])
    assert world.browser(OTHER_RUN).get(link).status_code == 404
    mine = world.browser()
    assert mine.get(link).status_code == 303
    assert mine.get(link).status_code == 303
    assert world.browser().get(link).status_code == 410
    assert world.browser().get("/c/unknown").status_code == 404
    anonymous = world.app.test_client().get(link)
    assert anonymous.location.startswith("/login?")


@pytest.mark.rule("wallet", "S5")
def test_a_refusal_is_stored_told_and_not_asked_again(world: World) -> None:
    item = world.item()
    body = world.request_body(item)
    browser = world.browser()
    back = world.decide(browser, world.ask(body).json["view_uri"], "refuse")
    assert back.location.startswith(RETURN)
    assert "granted" not in back.location
    look = world.app.test_client().get(f"/consent-requests/{body['id']}", headers=world.bearer())
    assert look.json["items"][0]["state"] == "refused"
    assert "consent_id" not in look.json["items"][0]
    again = world.ask(world.request_body(item))
    assert (again.status_code, again.json["type"].rpartition(":")[2]) == (403, "consent_refused")
    world.clock.advance(seconds=31 * 86_400)
    assert world.ask(world.request_body({**item, "valid_until": world.item()["valid_until"]})).status_code == 201


@pytest.mark.rule("wallet", "§4")
def test_what_was_granted_is_what_was_read(world: World) -> None:
    link = path(world.ask().json["view_uri"])
    browser = world.browser()
    page = browser.get(link, follow_redirects=True)
    world.run_sql("update organisations set name = 'Otro colegio' where org_id = :org", org=SCHOOL)
    answer = world.submit(browser, page, "grant")
    assert answer.status_code == 409
    assert "Otro colegio" in answer.text
    assert world.run_sql("select count(*) from consents") == [(0,)]
    assert world.submit(browser, answer, "grant").status_code == 303


@pytest.mark.rule("wallet", "§4")
def test_granting_needs_a_fresh_sign_in_and_refusing_does_not(world: World) -> None:
    link = path(world.ask().json["view_uri"])
    browser = world.browser()
    page = browser.get(link, follow_redirects=True)
    world.clock.advance(seconds=301)
    answer = world.submit(browser, page, "grant")
    assert answer.location.startswith("/login?")
    assert "max_age=300" in answer.location
    assert world.submit(browser, page, "refuse").location.startswith(RETURN)


def test_an_answer_without_our_form_is_refused(world: World) -> None:
    browser = world.browser()
    opened = browser.get(path(world.ask().json["view_uri"]))
    assert browser.post(opened.location, data={"decision": "grant", "item": "1"}).status_code == 403
    page = browser.get(opened.location)
    assert world.submit(browser, page, "everything").status_code == 400


@pytest.mark.rule("wallet", "U5")
def test_only_offered_fields_can_be_turned_on(world: World) -> None:
    asked = world.ask(world.request_body(world.item(fields=["full_name"], optional_fields=["has_record"])))
    browser = world.browser()
    page = browser.get(path(asked.json["view_uri"]), follow_redirects=True)
    assert world.submit(browser, page, "grant", optional="issued_on").status_code == 400
    assert world.submit(browser, page, "grant", optional="has_record").status_code == 303
    assert world.run_sql("select granted_fields from consents") == [(["full_name", "has_record"],)]


@pytest.mark.rule("wallet", "U6")
def test_each_matter_of_a_request_is_decided_on_its_own(world: World) -> None:
    body = world.request_body(world.item(fields=["full_name"]), world.item(fields=["has_record"]))
    browser = world.browser()
    first = world.decide(browser, world.ask(body).json["view_uri"], "grant")
    assert first.location.startswith("/requests/")
    second = world.submit(browser, browser.get(first.location), "refuse")
    assert second.location.startswith(RETURN)
    look = world.app.test_client().get(f"/consent-requests/{body['id']}", headers=world.bearer())
    assert [item["state"] for item in look.json["items"]] == ["accepted", "refused"]


@pytest.mark.rule("wallet", "§4")
def test_deciding_later_keeps_the_request_open(world: World) -> None:
    browser = world.browser()
    world.decide(browser, world.ask().json["view_uri"], "later")
    waiting = soup(browser.get("/").text).select_one("main a[href^='/requests/']")
    assert waiting is not None
    assert world.submit(browser, browser.get(str(waiting["href"])), "grant").status_code == 303


@pytest.mark.rule("wallet", "§4")
def test_deciding_later_twice_is_once(world: World) -> None:
    browser = world.browser()
    page = browser.get(path(world.ask().json["view_uri"]), follow_redirects=True)
    first, second = world.submit(browser, page, "later"), world.submit(browser, page, "later")
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert world.run_sql("select state, version from consent_request_items") == [("deferred", 2)]
    cores = world.run_sql("select count(*) from audit_entries where core like '%wallet:request:deferred%'")
    assert cores == [(1,)]
    assert world.submit(browser, page, "refuse").status_code == 303
    assert world.submit(browser, page, "later").status_code == 409


def test_a_decided_request_is_decided(world: World) -> None:
    browser = world.browser()
    page = browser.get(path(world.ask().json["view_uri"]), follow_redirects=True)
    assert world.submit(browser, page, "grant").status_code == 303
    assert world.submit(browser, page, "refuse").status_code == 409


@pytest.mark.rule("wallet", "U8")
@pytest.mark.rule("wallet", "L12")
def test_a_consent_ends_in_two_actions_from_the_start_page(world: World) -> None:
    consent_id = world.granted()
    browser = world.browser()
    link = soup(browser.get("/").text).select_one(f"main a[href='/consents/{consent_id}/withdraw']")
    assert link is not None
    ask = browser.get(str(link["href"]))
    words = soup(ask.text).main.get_text(" ")
    for said in ("Lo que vieron antes queda visto", "el certificado en papel", "puede llegar todavía"):
        assert said in words
    done = world.submit(browser, ask, "withdraw")
    assert done.status_code == 200
    assert world.fetch(world.exchange_body(consent_id)).status_code == 403


@pytest.mark.rule("wallet", "S2")
def test_a_second_withdrawal_says_the_same_and_leaves_no_second_event(world: World) -> None:
    consent_id = world.granted()
    browser = world.browser()
    page = browser.get(f"/consents/{consent_id}/withdraw")
    first, second = world.submit(browser, page, "withdraw"), world.submit(browser, page, "withdraw")
    assert soup(first.text).main.get_text() == soup(second.text).main.get_text()
    assert world.run_sql("select count(*) from consent_events where type = 'withdrawn'") == [(1,)]


def test_another_persons_consent_is_not_there(world: World) -> None:
    consent_id = world.granted()
    other = world.browser(OTHER_RUN)
    for address in (f"/consents/{consent_id}", f"/consents/{consent_id}/withdraw"):
        assert other.get(address).status_code == 404
    token = soup(other.get("/").text).select_one("input[name=csrf_token]")
    assert token is not None
    assert other.post(f"/consents/{consent_id}/withdraw", data={"csrf_token": token["value"]}).status_code == 404
    assert world.fetch(world.exchange_body(consent_id)).status_code == 200


@pytest.mark.rule("wallet", "U11")
def test_the_snapshot_shows_what_was_seen_and_its_hash_reproduces(world: World) -> None:
    consent_id = world.granted()
    world.run_sql("update organisations set name = 'Nombre nuevo' where org_id = :org", org=SCHOOL)
    page = world.browser().get(f"/consents/{consent_id}")
    assert "Colegio Las Araucarias" in page.text
    from wallet.operations.consents import get_consent

    view = get_consent(world.wallet, world.presence(), uuid.UUID(consent_id))
    assert sha256_of(view.record) == view.snapshot_sha256
    assert view.snapshot_sha256 in page.text


@pytest.mark.rule("wallet", "§10.3")
def test_the_log_has_one_line_for_each_exchange(world: World) -> None:
    consent_id = world.granted()
    world.fetch(world.exchange_body(consent_id))
    world.fetch(world.exchange_body())
    browser = world.browser()
    lines = browser.get("/me/access-log").json["lines"]
    assert [line["outcome"] for line in lines] == ["denied", "released"]
    assert len(lines[1]["entry_ids"]) == 2
    assert lines[1]["fields"] == sorted(FIELDS)
    assert [line["outcome"] for line in browser.get("/me/access-log?outcome=denied").json["lines"]] == ["denied"]
    assert browser.get("/me/access-log?org=nobody").json["lines"] == []
    assert world.browser(OTHER_RUN).get("/me/access-log").json["lines"] == []
    assert len(soup(browser.get("/access-log").text).select("main .govuk-summary-card")) == 2


@pytest.mark.rule("wallet", "§10.3")
def test_the_page_of_the_log_shows_only_some_by_body_data_day_and_kind(world: World) -> None:
    world.fetch(world.exchange_body(world.granted(fields=["full_name"]), fields=["full_name"]))
    world.clock.advance(seconds=86_400)
    world.fetch(world.exchange_body())  # refused, and about sensitive data
    browser, yesterday = world.browser(), (world.clock.now() - timedelta(days=1)).date().isoformat()
    today = world.clock.now().date().isoformat()
    for query, count in (
        ("", 2),
        ("sensitive=1", 1),
        ("outcome=denied", 1),
        (f"org={SCHOOL}", 2),
        ("org=nobody", 0),
        (f"dataset={DATASET}", 2),
        ("dataset=other", 0),
        (f"from={yesterday}&to={yesterday}", 1),
        (f"from={today}&to=", 1),
        (f"from={today}&sensitive=1&outcome=denied&org={SCHOOL}&dataset={DATASET}", 1),
    ):
        page = soup(browser.get(f"/access-log?{query}").text)
        assert len(page.select("main .govuk-summary-card")) == count, query
    page = soup(browser.get(f"/access-log?org={SCHOOL}&sensitive=1").text)
    assert page.select_one("#org option[selected]")["value"] == SCHOOL  # type: ignore[index]  # it keeps what was chosen
    assert page.select_one("#sensitive[checked]") is not None
    exports = [str(link["href"]) for link in page.select("a[href*='/export']")]
    assert all("sensitive=1" in href and f"org={SCHOOL}" in href for href in exports)
    assert browser.get("/access-log?from=<b>").status_code == 400
    assert browser.get("/access-log?to=9999-12-31").status_code == 400


def test_the_log_is_read_in_pages_without_loss(world: World) -> None:
    consent_id = world.granted()
    txns = [world.fetch(world.exchange_body(consent_id)).json["txn"] for _ in range(5)]
    found: list[str] = []
    cursor = ""
    browser = world.browser()
    while cursor is not None:
        page = browser.get(f"/me/access-log?limit=2&cursor={cursor}").json
        found += [line["txn"] for line in page["lines"]]
        cursor = page["next_cursor"]
    assert found == txns[::-1]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=x", "from=soon", "outcome=maybe", "limit=9999999999"])
def test_bad_questions_to_the_log_are_refused(world: World, query: str) -> None:
    assert world.browser().get(f"/me/access-log?{query}").status_code == 400


@pytest.mark.rule("wallet", "§10.3")
def test_the_export_can_be_checked_offline(world: World) -> None:
    world.fetch(world.exchange_body(world.granted()))
    before = world.browser().get("/me/access-log/export").json
    assert [entry["proof"] for entry in before["lines"][0]["entries"]] == [None, None]
    with world.wallet.db.begin() as connection:
        sequence_pending(connection)
        sign_checkpoint(connection, world.wallet.audit_signer, world.clock)
    export = json.loads(world.browser().get("/me/access-log/export").text)
    proven = [check_proof(entry["proof"], export["verifier_key"]) for entry in export["lines"][0]["entries"]]
    assert len(proven) == 2
    assert all(one.is_subject_proven for one in proven)


@pytest.mark.rule("wallet", "§3")
@pytest.mark.parametrize(
    "statement",
    [
        "update consents set valid_until = now() + interval '9 years'",
        "update consents set granted_fields = '[]'",
        "update consents set record = 'x'",
        "delete from consents",
        "update consent_events set type = 'x'",
        "delete from consent_events",
        "update datasets set fields = '[]'",
        "update purposes set text = '{}'",
        "update agreements set limits = '{}'",
        "update notices set body = 'x'",
    ],
)
def test_what_a_person_agreed_to_does_not_change_under_her(world: World, statement: str) -> None:
    from sqlalchemy.exc import IntegrityError

    world.granted()
    with pytest.raises(IntegrityError):
        world.run_sql(statement)


def test_pages_are_in_english_too(world: World) -> None:
    page = world.browser().get(path(world.ask().json["view_uri"]) + "?lang=en", follow_redirects=True)
    assert "You can say no" in page.text


@pytest.mark.rule("wallet", "§10.3")
def test_the_issuer_is_asked_for_the_roles_that_the_console_goes_by(world: World) -> None:
    scopes = world.app.extensions["andamio-login"].scope.split()
    assert {"openid", "profile", "run", "roles"} <= set(scopes)


@pytest.mark.rule("wallet", "U9")
def test_before_the_end_it_is_said_what_stops_when_what_does_not_and_what_to_bring(world: World) -> None:
    consent_id = world.granted()
    words = soup(world.browser().get(f"/consents/{consent_id}/withdraw?lang=en").text).main.get_text(" ")
    last = world.clock.now().astimezone(ZONE).replace(second=0) + timedelta(seconds=world.wallet.settings.consent_token_ttl_seconds)
    for said in ("What stops", "can still arrive until", f"{last:%-I:%M}", "What does not stop", "stays seen", "el certificado en papel"):
        assert said in words, said
