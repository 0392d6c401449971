"""Acting for companies and other persons: mandates, the chooser, tokens, and the end of all of it (§4.1)."""

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from joserfc import jwt
from joserfc.jwk import KeySet

from identity.models.history import What
from identity.operations import giving, history, mandate_views, mandates, register, register_entries, registry_events
from identity.operations.giving import Gift
from identity.operations.refusals import MandateNotFound, MandateRefused
from identity.providers.civil_registry import Change
from identity.providers.mandate_registers import COMPANY, Entry, ListMandateRegister, NamedCompany
from shared.run import parse_run
from shared.states import WrongState
from tests.conformance.identity.test_account import form_at
from tests.conformance.identity.test_login import code_now
from tests.conformance.identity.test_passkeys import enter
from tests.factories.identity import RESOURCE, RUN, RUN_TOTP, SECRET, Browser, House, sent_to_client, web_client, words_of

BAKERY, RUT = "Panadería La Espiga SpA", "76543210-3"
CLAIM, ACT_FOR = "urn:andamio:represents", "urn:andamio:act-for"
GIVER, ACTOR = RUN_TOTP, RUN
SCOPES = ("openid", "name", "represent", "notify:send")


def entry(**changes: Any) -> Entry:
    bakery = NamedCompany(parse_run(RUT), BAKERY)
    made = Entry("E-1", bakery, parse_run(ACTOR), ("sign", "read", "manage"), 1, date(2026, 1, 1), None, False)
    return replace(made, **changes)


def day(name: str, *parts: str) -> dict[str, str]:
    """The three fields of a day."""
    return {f"{name}-{part}": typed for part, typed in zip(("day", "month", "year"), parts, strict=True)}


LAST_DAY = day("valid_until", "31", "12", "2026")


@pytest.fixture
def companies(house: House) -> ListMandateRegister:
    """A company register in which nothing stands yet, and clients that ask for whom a person acts."""
    made = ListMandateRegister()
    house.identity.__dict__["mandate_registers"] = {COMPANY: made}
    house.identity.settings = replace(house.identity.settings, mandate_level=1)
    for client_id, more in (("tax", ()), ("customs", ("run",))):
        new = web_client(
            client_id=client_id, scopes=(*SCOPES, *more), sector=f"{client_id}.example", authorization_details_types=(ACT_FOR,)
        )
        new = replace(new, grant_types=("authorization_code", "refresh_token"), backchannel_logout_uri=f"https://{client_id}.example/out")
        register.create_client(house.identity, new, actor="test", secret=SECRET)
    return made


def begin(house: House, run: str = ACTOR, **changes: Any) -> Browser:
    """A browser before the chooser of the tax office, or where it was led without one."""
    browser = house.browser()
    browser.authorize(**{"client_id": "tax", "scope": "openid name represent", **changes})
    browser.log_in(run)
    if run == RUN_TOTP:
        browser.send({"code": code_now(house)})
    return browser


def whom(browser: Browser) -> dict[str, str]:
    """What the chooser offers: name and value."""
    assert browser.page is not None
    page = BeautifulSoup(browser.page.get_data(as_text=True), "html.parser")
    return {label.get_text(): str(page.select_one(f"#{label['for']}")["value"]) for label in page.select(".govuk-radios__label")}


def choose(browser: Browser, name: str) -> str:
    return sent_to_client(browser.send({"whom": whom(browser)[name]}))["code"]


def redeem(house: House, code: str, client_id: str = "tax", **changes: str) -> dict[str, Any]:
    answer = house.token(house.code_form(code, client_id=client_id, **changes))
    assert answer.status_code == 200, answer.json
    return dict(answer.json)


def read(house: House, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(house.client().get("/openid/jwks").json)
    return dict(jwt.decode(token, keys, algorithms=["ES256"]).claims)


def userinfo(house: House, reply: dict[str, Any]) -> Any:
    return house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {reply['access_token']}"})


def gift(house: House, run: str = ACTOR, **changes: Any) -> Gift:
    now = house.clock.now()
    return replace(Gift(parse_run(run), ("read", "sign"), (), now, now + timedelta(days=30)), **changes)


def give(house: House, **changes: Any) -> str:
    """A mandate from one person to the other that was accepted."""
    mandate_id = giving.give(house.identity, house.person_id(GIVER), gift(house, **changes))
    giving.accept(house.identity, house.person_id(ACTOR), mandate_id)
    return mandate_id


@pytest.mark.rule("identity", "RP-1", "RP-2", "RP-3", "RP-6")
def test_a_baker_signs_in_for_her_company_and_remains_herself(house: House, companies: ListMandateRegister) -> None:
    companies.put(entry(joint=2, valid_until=date(2026, 12, 31)))
    browser = begin(house)
    assert set(whom(browser)) == {"Para mí", BAKERY}
    reply = redeem(house, choose(browser, BAKERY))
    told = read(house, reply["id_token"])
    represents = told[CLAIM]
    assert (represents["type"], represents["name"], represents["source"], represents["powers_joint"]) == ("company", BAKERY, "registry", 2)
    assert represents["powers"] == ["read", "sign", "manage"]
    assert represents["valid_until"].startswith("2027-01-01")
    assert "id" not in represents, "this client is not entitled to numbers"
    assert represents["mandate_id"].startswith("mdt_")
    info = userinfo(house, reply).json
    assert info["name"] == "Camila Andrea Soto Pérez", "the subject is the natural person"
    assert info["sub"] == told["sub"] != represents["sub"]
    assert info[CLAIM] == represents


@pytest.mark.rule("identity", "RP-2", "RP-8")
def test_who_may_know_numbers_gets_them_and_who_may_not_cannot_link(house: House, companies: ListMandateRegister) -> None:
    companies.put(entry())
    own, business = begin(house), begin(house)
    mine, theirs = (read(house, redeem(house, choose(one, name))["id_token"]) for one, name in ((own, "Para mí"), (business, BAKERY)))
    assert CLAIM not in mine
    assert mine["sub"] != theirs["sub"], "private and company use are two to a service without the RUN"
    assert mine["sid"] != theirs["sid"]
    again = read(house, redeem(house, choose(begin(house), BAKERY))["id_token"])
    assert (again["sub"], again[CLAIM]["sub"]) == (theirs["sub"], theirs[CLAIM]["sub"]), "and each stays the same"
    subs = set()
    for name in ("Para mí", BAKERY):
        reply = redeem(house, choose(begin(house, client_id="customs"), name), "customs")
        subs.add(read(house, reply["id_token"])["sub"])
        if name == BAKERY:
            assert userinfo(house, reply).json[CLAIM]["id"] == {"numero": 76543210, "DV": "3", "tipo": "RUT"}
    assert len(subs) == 1, "who may know the RUN is told one subject"


@pytest.mark.rule("identity", "RP-3")
def test_the_choice_lasts_for_the_session_and_client_and_can_be_made_anew(house: House, companies: ListMandateRegister) -> None:
    companies.put(entry())
    browser = begin(house)
    choose(browser, BAKERY)
    silent = sent_to_client(browser.authorize(client_id="tax", scope="openid represent", prompt="none"))
    assert read(house, redeem(house, silent["code"])["id_token"])[CLAIM]["name"] == BAKERY
    browser.authorize(client_id="customs", scope="openid represent")
    assert set(whom(browser)) == {"Para mí", BAKERY}, "another client asks for itself"
    browser.authorize(client_id="tax", scope="openid represent", prompt="select_account")
    browser.send({"decision": "stay"})
    assert set(whom(browser)) == {"Para mí", BAKERY}, "asked again when the account is chosen again"
    stranger = sent_to_client(house.browser().authorize(client_id="tax", scope="openid represent", prompt="none"))
    assert stranger["error"] == "login_required"


@pytest.mark.rule("identity", "RP-3")
def test_nobody_is_asked_where_there_is_nothing_to_choose(house: House, companies: ListMandateRegister) -> None:
    browser = begin(house)
    assert browser.page is not None
    assert CLAIM not in read(house, redeem(house, sent_to_client(browser.page)["code"])["id_token"])
    companies.away = True
    other = begin(house)
    assert other.page is not None
    assert "code" in sent_to_client(other.page), "a register that is away keeps nobody out"


@pytest.mark.rule("identity", "RP-3")
@pytest.mark.parametrize(
    ("wish", "offered"),
    [
        ({"kind": "company", "powers": ["sign"]}, True),
        ({"kind": "company", "powers": ["sign"], "id": "76.543.210-3"}, True),
        ({"kind": "company", "powers": ["pay"]}, False),
        ({"kind": "person", "powers": ["sign"]}, False),
        ({"kind": "company", "powers": ["sign"], "id": "96.511.350-9"}, False),
    ],
)
def test_a_detailed_request_offers_what_fits_and_nothing_else(
    house: House, companies: ListMandateRegister, wish: dict[str, Any], offered: bool
) -> None:
    companies.put(entry())
    browser = begin(house, scope="openid", authorization_details=json.dumps([{"type": ACT_FOR, **wish}]), resource=RESOURCE)
    assert set(whom(browser)) == ({BAKERY} if offered else set()), "not for oneself: the client needs a company"
    if not offered:
        assert sent_to_client(browser.send({}))["error"] == "access_denied"
        return
    browser.send({"whom": whom(browser)[BAKERY]})
    code = sent_to_client(browser.send({"decision": "grant"}))["code"]
    reply = redeem(house, code)
    assert CLAIM not in read(house, reply["id_token"]), "the scope was not asked"
    access = read(house, reply["access_token"])
    assert access[CLAIM]["powers"] == ["sign"], "no more powers than were asked"
    assert access["exp"] - access["iat"] == 60, "others check it offline: a loss must be felt within a minute"


@pytest.mark.rule("identity", "RP-3")
def test_forms_that_were_not_offered_are_refused(house: House, companies: ListMandateRegister) -> None:
    companies.put(entry())
    browser = begin(house)
    assert browser.send({}).status_code == 400
    assert sent_to_client(browser.send({"whom": "mdt_" + "x" * 22}))["error"] == "access_denied"


@pytest.mark.rule("identity", "RP-5")
@pytest.mark.parametrize("loss", ["register", "look", "expired", "ended", "suspended", "died"])
def test_a_loss_ends_what_rests_on_the_mandate(
    house: House, companies: ListMandateRegister, loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if loss in {"register", "look"}:
        companies.put(entry())
        name = BAKERY
    else:
        mandate_id, name = give(house), "José Ñancupil"
    code = choose(begin(house), name)
    reply = redeem(house, code)
    own = begin(house)
    mine = redeem(house, choose(own, "Para mí"))
    form = {"grant_type": "refresh_token", "refresh_token": reply["refresh_token"], "client_id": "tax", "client_secret": SECRET}
    reply = {**reply, **house.token(form).json}
    assert userinfo(house, reply).status_code == 200
    lose(house, companies, loss, "" if loss in {"register", "look"} else mandate_id)
    assert userinfo(house, reply).status_code == 401
    asked = {"token": reply["access_token"], "client_id": "tax", "client_secret": SECRET}
    assert house.client().post("/openid/introspect", data=asked).json == {"active": False}
    assert house.token({**form, "refresh_token": reply["refresh_token"]}).json["error"] == "invalid_grant"
    assert userinfo(house, mine).status_code == 200, "what the person does for themselves goes on"
    told: list[str] = []
    monkeypatch.setattr(house.identity.http, "request", lambda _method, url, **_: told.append(url) or _taken())
    house.identity.__dict__["sender"] = Silent()
    house.run_jobs()
    assert told == ["https://tax.example/out"]


class Silent:
    """A sender that takes everything."""

    def send_email(self, to: str, subject: str, body: str, reference: str) -> None: ...

    def send_sms(self, to: str, body: str, reference: str) -> None: ...


def _taken() -> Any:
    from shared.http import Reply

    return Reply(204, {}, b"")


def lose(house: House, companies: ListMandateRegister, loss: str, mandate_id: str) -> None:
    if loss == "register":
        companies.strike("E-1")
        house.clock.advance(seconds=30)
        register_entries.follow(house.identity)
    elif loss == "look":
        companies.entries.clear()
        register_entries.look(house.identity, house.person_id(ACTOR))
    elif loss == "expired":
        with house.identity.transaction() as tx:
            tx.connection.execute(mandates.MANDATES.update().values(valid_until=house.clock.now() + timedelta(seconds=5)))
        house.clock.advance(seconds=5)
        mandates.expire_due(house.identity)
    elif loss == "ended":
        mandates.end(house.identity, house.person_id(GIVER), mandate_id)
    elif loss == "suspended":
        mandates.set_suspended(house.identity, house.person_id(GIVER), mandate_id, suspended=True)
    else:
        registry_events.apply(house.identity, Change(1, parse_run(GIVER), ("José",), ("Ñancupil",), alive=False))


@pytest.mark.rule("identity", "RP-5")
def test_between_the_last_day_and_the_job_nothing_is_given(house: House, companies: ListMandateRegister) -> None:
    mandate_id = give(house, valid_until=house.clock.now() + timedelta(minutes=5))
    code = choose(begin(house), "José Ñancupil")
    house.clock.advance(seconds=50)
    reply = redeem(house, code)
    house.clock.advance(seconds=250)
    assert userinfo(house, reply).status_code == 401, "no job has run"
    other = begin(house)
    assert other.page is not None
    assert "code" in sent_to_client(other.page), "nothing to choose any more"
    assert mandate_views.overview(house.identity, house.person_id(ACTOR)).held == ()
    with pytest.raises(WrongState):
        mandates.expire_due(house.identity)
        mandates.end(house.identity, house.person_id(GIVER), mandate_id)


@pytest.mark.rule("identity", "RP-5")
def test_changed_terms_at_the_register_count_at_once(house: House, companies: ListMandateRegister) -> None:
    companies.put(entry())
    reply = redeem(house, choose(begin(house), BAKERY))
    companies.put(entry(powers=("read", "made-up")))
    register_entries.follow(house.identity)
    assert userinfo(house, reply).status_code == 401, "granted under the terms of before"
    again = read(house, redeem(house, choose(begin(house), BAKERY))["id_token"])
    assert again[CLAIM]["powers"] == ["read"], "and what is not on the list is nothing"
    register_entries.follow(house.identity)
    assert len(house.audited("identity:mandate:changed")) == 1, "an event is taken over once"


@pytest.mark.rule("identity", "RP-4")
def test_a_register_gives_each_entry_once_and_back_again(house: House, companies: ListMandateRegister) -> None:
    companies.put(entry())
    for _ in range(2):
        register_entries.look(house.identity, house.person_id(ACTOR))
        register_entries.follow(house.identity)
    assert len(house.audited("identity:mandate:registered")) == 1
    companies.strike("E-1")
    register_entries.follow(house.identity)
    companies.put(entry(principal=NamedCompany(parse_run(RUT), "Panadería Nueva")))
    register_entries.follow(house.identity)
    (view,) = mandate_views.overview(house.identity, house.person_id(ACTOR)).held
    assert view.principal == "Panadería Nueva"
    companies.put(entry(entry="E-2", person=parse_run("7654321-6")))
    register_entries.follow(house.identity)
    assert len(house.audited("identity:mandate:registered")) == 2, "nobody here has that RUN"


@pytest.mark.rule("identity", "RP-4", "RP-7")
def test_a_person_gives_and_ends_a_mandate_in_the_account(house: House, companies: ListMandateRegister) -> None:
    giver = enter(house, GIVER)
    giver.open("/account/mandates/give")
    page = giver.send({"held": "", "run": "11.111.111-1", "powers": "read", **LAST_DAY})
    assert page.status_code == 200
    assert sorted(house.notices()) == sorted(
        ["new-device"] * house.notices().count("new-device") + ["mandate-offered"] * 2 + ["mandate-given"] * 2
    )
    actor = enter(house, ACTOR)
    shown = actor.open("/account/mandates")
    assert "José Ñancupil" in words_of(shown)
    actor.send({}, form=form_at(actor, "/accept"))
    assert set(whom(begin(house))) == {"Para mí", "José Ñancupil"}
    code = choose(begin(house), "José Ñancupil")
    reply = redeem(house, code)
    view = giver.open("/account/mandates")
    assert "Camila Andrea Soto Pérez" in words_of(view)
    (given,) = mandate_views.overview(house.identity, house.person_id(GIVER)).given
    assert "Servicio Uno (org-one)" in words_of(giver.open(f"/account/mandates/{given.mandate_id}")), "the grantor sees each use"
    for run in (GIVER, ACTOR):
        kinds = [row.what for row in history.read(house.identity, house.person_id(run))]
        assert {What.MANDATE_MADE, What.MANDATE_USED} <= set(kinds)
    giver.send({}, form=form_at(giver, "/end"))
    assert userinfo(house, reply).status_code == 401
    for run in (GIVER, ACTOR):
        assert history.read(house.identity, house.person_id(run))[0].what is What.MANDATE_ENDED
    assert house.notices()[-2:] == ["mandate-ended"] * 2
    assert [one["outcome"] for one in house.audited("identity:mandate:revoked")] == ["done"]


@pytest.mark.rule("identity", "RP-4")
def test_giving_takes_a_strong_and_fresh_sign_in(house: House, companies: ListMandateRegister) -> None:
    house.identity.settings = replace(house.identity.settings, mandate_level=3)
    browser = enter(house)
    assert browser.open("/account/mandates/give").status_code == 403, "a password does not reach it"
    assert browser.open("/account/mandates").status_code == 200


@pytest.mark.rule("identity", "RP-4")
def test_an_offer_to_an_unknown_run_looks_the_same_and_waits(house: House, companies: ListMandateRegister) -> None:
    giver = enter(house, GIVER)
    told = []
    for run in ("11.111.111-1", "7.654.321-6"):
        giver.open("/account/mandates/give")
        page = giver.send({"held": "", "run": run, "powers": "read", **LAST_DAY})
        told.append(words_of(page).replace(run, "RUN"))
        assert run in words_of(giver.open("/account/mandates")), "an offer shows the RUN, not a name"
    assert told[0] == told[1]


@pytest.mark.rule("identity", "RP-4")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"run": "12345678-9"}, "dígito"),
        ({"run": "22.222.222-2"}, "por usted"),
        ({"powers": ""}, "qué puede hacer"),
        ({"powers": "manage"}, "otras facultades"),
        (day("valid_until", "mañana", "12", "2026"), "día, mes y año"),
        (day("valid_until", "31", "2", "2026"), "día, mes y año"),
        (day("valid_until", "", "", ""), "día, mes y año"),
        (day("valid_from", "1", "", "2026"), "día, mes y año"),
        (day("valid_until", "1", "1", "2026"), "último día"),
        (day("valid_from", "30", "12", "2026") | day("valid_until", "1", "12", "2026"), "último día"),
        ({"services": "no-such"}, "servicios"),
        ({"held": "mdt_nothing"}, "ya no actúa"),
    ],
)
def test_gifts_that_are_refused(house: House, companies: ListMandateRegister, changes: dict[str, str], words: str) -> None:
    giver = enter(house, GIVER)
    giver.open("/account/mandates/give")
    page = giver.send({"held": "", "run": "11.111.111-1", "powers": "read", **LAST_DAY, **changes})
    assert page.status_code == 400
    assert any(one in words_of(page) for one in words.split("|")), words_of(page)
    assert house.audited("identity:mandate:given") == []


@pytest.mark.rule("identity", "RP-4")
def test_what_is_held_is_passed_on_one_step_and_no_more(house: House, companies: ListMandateRegister) -> None:
    held = give(house, may_pass_on=True, powers=("read", "sign"))
    actor = house.person_id(ACTOR)
    third = "7654321-6"
    for changes in (
        {"powers": ("pay",)},
        {"may_pass_on": True},
        {"valid_until": house.clock.now() + timedelta(days=31)},
    ):
        with pytest.raises(MandateRefused):
            giving.give(house.identity, actor, gift(house, third, held=held, **changes))
    passed = giving.give(house.identity, actor, gift(house, third, held=held, powers=("read",)))
    mandates.end(house.identity, house.person_id(GIVER), held)
    with house.identity.reading() as tx:
        rows = tx.connection.execute(mandates.MANDATES.select()).mappings().all()
    assert {row["mandate_id"]: row["end_reason"] for row in rows} == {held: "grantor", passed: "parent"}


@pytest.mark.rule("identity", "RP-4", "RP-6")
def test_who_manages_a_company_gives_in_its_name_but_not_where_two_must_sign(house: House, companies: ListMandateRegister) -> None:
    companies.put(entry())
    boss = house.person_id(ACTOR)
    register_entries.look(house.identity, boss)
    (held,) = mandate_views.overview(house.identity, boss).held
    clerk = giving.give(house.identity, boss, gift(house, GIVER, held=held.mandate_id, powers=("read",)))
    giving.accept(house.identity, house.person_id(GIVER), clerk)
    reply = redeem(house, choose(begin(house, GIVER), BAKERY))
    assert read(house, reply["id_token"])[CLAIM]["source"] == "granted"
    with pytest.raises(MandateRefused):
        mandates.end(house.identity, boss, held.mandate_id)  # the register's own: it ends there
    companies.put(entry(joint=2))
    register_entries.follow(house.identity)
    with pytest.raises(MandateRefused):
        giving.give(house.identity, boss, gift(house, GIVER, held=held.mandate_id, powers=("pay",)))
    assert [one.held for one in mandate_views.authorities(house.identity, boss)] == [""]


@pytest.mark.rule("identity", "RP-4")
def test_a_mandate_counts_only_at_its_services_and_from_its_first_day(house: House, companies: ListMandateRegister) -> None:
    give(house, services=("service-private",))
    page = begin(house).page
    assert page is not None
    assert "code" in sent_to_client(page), "not offered at another service"
    give(house, valid_from=house.clock.now() + timedelta(days=1))
    house.clock.advance(seconds=86_400)
    assert "José Ñancupil" in whom(begin(house))


@pytest.mark.rule("identity", "RP-4")
def test_strangers_cannot_look_accept_or_end(house: House, companies: ListMandateRegister) -> None:
    mandate_id = giving.give(house.identity, house.person_id(GIVER), gift(house, "7654321-6"))
    actor = house.person_id(ACTOR)
    for act in (mandate_views.look, mandates.end, giving.accept):
        with pytest.raises(MandateNotFound):
            act(house.identity, actor, mandate_id)
    with pytest.raises(MandateNotFound):
        mandates.set_suspended(house.identity, actor, mandate_id, suspended=True)
    assert enter(house).open(f"/account/mandates/{mandate_id}").status_code == 404


@pytest.mark.rule("identity", "RP-7")
def test_death_ends_what_was_given_and_what_was_held(house: House, companies: ListMandateRegister) -> None:
    given = give(house)
    companies.put(entry(person=parse_run(GIVER)))
    register_entries.look(house.identity, house.person_id(GIVER))
    registry_events.apply(house.identity, Change(1, parse_run(GIVER), ("José",), ("Ñancupil",), alive=False))
    ended = house.audited("identity:mandate:revoked")
    assert len(ended) == 2
    assert {one["data"]["reason"] for one in ended} == {"death"}
    assert given in {one["object"] for one in ended}


@pytest.mark.rule("identity", "RP-4")
def test_a_person_cannot_flood_others_with_offers(house: House, companies: ListMandateRegister) -> None:
    for _ in range(giving.OFFERS_MAX):
        giving.give(house.identity, house.person_id(GIVER), gift(house, "7654321-6"))
    with pytest.raises(MandateRefused):
        giving.give(house.identity, house.person_id(GIVER), gift(house, "7654321-6"))
