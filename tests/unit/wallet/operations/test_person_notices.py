"""Messages to people: when they come, what they say, what stops them.  Spec: wallet contract §3.1, §4, §10.3, U12."""

from datetime import UTC, datetime, timedelta

import pytest
from bs4 import BeautifulSoup

from shared import outbox
from shared.audit.sequencer import sequence_pending
from shared.tasks import run_leased
from tests.factories.wallet import DATASET, OTHER_RUN, RUN, World
from wallet.operations import delegation_ends
from wallet.operations.access_notices import tell_accesses
from wallet.operations.delegations import ProxyTerms, appoint_proxy
from wallet.operations.person_notices import tell_expiring, tell_summaries
from wallet.providers.notices import MemoryNotices
from wallet.standards.acting import Power, Reach
from wallet.tasks import jobs

DAY = 86_400


@pytest.fixture
def notices(world: World) -> MemoryNotices:
    made = MemoryNotices()
    world.wallet.__dict__["notices"] = made
    return made


def run_messages(world: World) -> None:
    """Run what waits in the outbox and is due."""
    with world.wallet.db.begin() as connection:
        rows = outbox.lease_due(connection, world.clock.now(), limit=100)
    for row in rows:
        run_leased(world.wallet, jobs, row.job, row.id, row.lease, runner="test")


def subjects(notices: MemoryNotices) -> list[str]:
    return [letter.subject for _, letter in notices.sent]


def read_log_on(world: World) -> None:
    with world.wallet.db.begin() as connection:
        sequence_pending(connection)
    assert tell_accesses(world.wallet) > 0
    assert tell_accesses(world.wallet) == 0
    run_messages(world)


@pytest.mark.rule("wallet", "§4")
def test_a_new_request_is_told_once_and_says_that_no_is_harmless(world: World, notices: MemoryNotices) -> None:
    body = world.request_body()
    world.ask(body)
    world.ask(body)
    run_messages(world)
    assert [(run, letter.subject) for run, letter in notices.sent] == [(RUN, "Colegio Las Araucarias pide ver sus datos")]
    text = notices.sent[0][1].body
    assert "/requests/" in text.splitlines()[0]
    assert "No pierde ningún derecho" in text
    assert world.run_sql("select count(*) from outbox where payload::text like '%11111111%'")[0][0] == 0


@pytest.mark.rule("wallet", "§4")
def test_while_notify_is_away_the_message_waits_and_consents_go_on(world: World, notices: MemoryNotices) -> None:
    notices.is_away = True
    consent_id = world.granted()
    run_messages(world)
    assert notices.sent == []
    assert world.run_sql("select count(*) from outbox where job = 'notify_person' and failures = 1")[0][0] == 2
    assert world.fetch(world.exchange_body(consent_id)).status_code == 200
    notices.is_away = False
    world.clock.advance(seconds=60)
    run_messages(world)
    assert len(notices.sent) == 2


@pytest.mark.rule("wallet", "§3.1")
def test_receipts_come_at_the_grant_and_at_the_end(world: World, notices: MemoryNotices) -> None:
    consent_id = world.granted()
    page = world.browser()
    form = BeautifulSoup(page.get(f"/consents/{consent_id}/withdraw").text, "html.parser").select_one("main input[name=csrf_token]")
    assert form is not None
    page.post(f"/consents/{consent_id}/withdraw", data={"csrf_token": str(form["value"])})
    run_messages(world)
    assert subjects(notices).count("Su comprobante: permiso para Colegio Las Araucarias") == 2


@pytest.mark.rule("wallet", "U12")
def test_two_weeks_before_the_end_it_is_told_once(world: World, notices: MemoryNotices) -> None:
    world.granted()  # for thirty days
    assert tell_expiring(world.wallet) == 0
    world.clock.advance(seconds=17 * DAY)
    assert (tell_expiring(world.wallet), tell_expiring(world.wallet)) == (1, 0)
    run_messages(world)
    assert "Su permiso para Colegio Las Araucarias termina pronto" in subjects(notices)


@pytest.mark.rule("wallet", "U12")
def test_what_is_in_force_is_summed_up_after_its_time_and_then_again(world: World, notices: MemoryNotices) -> None:
    world.wallet.__dict__["settings"] = world.wallet.settings.__class__(**{**vars(world.wallet.settings), "summary_days": 10})
    world.granted()
    assert tell_summaries(world.wallet) == 0
    world.clock.advance(seconds=11 * DAY)
    assert (tell_summaries(world.wallet), tell_summaries(world.wallet)) == (1, 0)
    run_messages(world)
    assert "Colegio Las Araucarias – Certificado de antecedentes" in notices.sent[-1][1].body
    world.clock.advance(seconds=11 * DAY)
    assert tell_summaries(world.wallet) == 1


def by_law(world: World) -> dict[str, object]:
    return world.exchange_body(basis={"kind": "law", "agreement_id": "agr-law"})


@pytest.mark.rule("wallet", "§10.3")
def test_the_first_look_is_told_then_the_sensitive_ones_and_the_refused(world: World, notices: MemoryNotices) -> None:
    for body in (by_law(world), by_law(world), world.exchange_body()):
        world.fetch(body)
    read_log_on(world)
    assert sorted(subjects(notices)) == [
        "Colegio Las Araucarias quiso ver sus datos y no pudo",
        "Colegio Las Araucarias vio datos sensibles de usted",
        "Colegio Las Araucarias vio sus datos por primera vez",
    ]


@pytest.mark.rule("wallet", "§10.3")
def test_a_look_by_an_official_at_night_is_told(world: World, notices: MemoryNotices) -> None:
    world.fetch(by_law(world))
    night = datetime(2026, 6, 9, 7, 0, tzinfo=UTC)  # three o'clock in Santiago
    world.clock.advance(seconds=(night - world.clock.now()).total_seconds() % DAY)
    world.fetch(by_law(world))
    read_log_on(world)
    assert "Colegio Las Araucarias vio sus datos de noche" in subjects(notices)


@pytest.mark.rule("wallet", "§10.4")
def test_what_a_law_hides_is_not_told(world: World, notices: MemoryNotices) -> None:
    from wallet.operations.visibility import allow_delay

    allow_delay(world.wallet, "org-colegio-araucarias", "Ley 1", actor="staff:x")
    until = (world.clock.now() + timedelta(days=30)).isoformat()
    assert world.fetch({**by_law(world), "visibility": {"ground": "Ley 1", "release_at": until}}).status_code == 200
    read_log_on(world)
    assert notices.sent == []


@pytest.mark.rule("wallet", "§10.3")
def test_each_kind_can_be_turned_off_but_not_what_a_delegate_does(world: World, notices: MemoryNotices) -> None:
    browser = world.browser()
    mark = BeautifulSoup(browser.get("/notices").text, "html.parser").select_one("main input[name=csrf_token]")
    assert mark is not None
    assert browser.post("/notices", data={"csrf_token": str(mark["value"]), "kind": ["expiring"]}).status_code == 303
    boxes = BeautifulSoup(browser.get("/notices?kept=1").text, "html.parser").select("main input[type=checkbox]")
    assert [str(box["value"]) for box in boxes if box.has_attr("checked")] == ["expiring"]
    world.granted()
    run_messages(world)
    assert notices.sent == []
    until = world.clock.now() + timedelta(days=5)
    terms = ProxyTerms(run=OTHER_RUN, powers=frozenset({Power.GRANT}), reach=Reach(datasets=frozenset({DATASET})), valid_until=until)
    appoint_proxy(world.wallet, world.presence(), terms)
    world.clock.advance(seconds=6 * DAY)
    assert delegation_ends.run_clock(world.wallet) == 1
    run_messages(world)
    assert [run for run, _ in notices.sent] == [RUN]
    assert "ya no actúa por usted" in subjects(notices)[0]
