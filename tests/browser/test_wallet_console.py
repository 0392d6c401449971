"""The console of bodies, what several decide together and the folder of documents in a real browser, wide and narrow, with axe.

Spec: wallet contract §2, §6, §9; pages.md.
"""

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from shared.clock import FixedClock
from shared.ids import SeededIds
from tests.browser.chromium import Looker, visiting
from tests.browser.test_gallery import serving
from tests.factories.bulk import BULK_AGREEMENT, send
from tests.factories.wallet import DATASET, FIELDS, OTHER_RUN, REGISTRY, RUN, SCHOOL, World, law_agreement
from tests.factories.wallet_fixtures import make_world
from tests.unit.wallet.routes.test_console import OWNER, PROVIDER_OWNER, staff, template
from tests.unit.wallet.routes.test_documents import others
from tests.unit.wallet.routes.test_joint_decisions import Board, board

__all__ = ["board", "others", "template"]
pytestmark = pytest.mark.browser


@pytest.fixture
def world(database: Callable[[str], str], redis_url: str, clock: FixedClock, ids: SeededIds) -> Iterator[World]:
    made = make_world(database("wallet"), redis_url, clock, ids)
    yield made
    made.wallet.close()


def sit_down(page: Page, site: str, client: FlaskClient) -> None:
    """Give the browser the session of somebody who signed in."""
    name = "wallet-session"
    cookie = client.get_cookie(name)
    assert cookie is not None
    page.context.add_cookies([{"name": name, "value": cookie.value, "url": site}])


def go_on(page: Page, looker: Looker, name: str) -> None:
    """Look at a page of a form that asks one thing a page, and send it by the keyboard."""
    looker.look(name)
    page.locator("main form .govuk-button").first.press("Enter")
    page.wait_for_load_state()


@pytest.mark.rule("wallet", "§9", "R1", "U14")
@pytest.mark.usefixtures("template")
@pytest.mark.parametrize(("language", "width"), [("es", 360), ("en", 1280)])
def test_a_body_asks_by_page_and_another_answers(chromium: Browser, world: World, language: str, width: int) -> None:
    with serving(world.app) as site, visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "wallet-console", language=language, width=width)
        sit_down(page, site, staff(world, OWNER))
        page.goto(f"{site}/console/?lang={language}")
        looker.look("console")
        page.goto(f"{site}/console/agreements/new")
        looker.look("choose")
        page.goto(f"{site}/console/agreements/new?template=tpl&dataset={DATASET}&body={SCHOOL}")
        page.locator("#field-1").check()
        go_on(page, looker, "data")
        go_on(page, looker, "purpose")
        page.locator("#legal_basis").select_option("legal_obligation")
        page.locator("#law_reference").fill("Ley 20.594")
        page.locator("#sensitive_article").fill("artículo 39 bis")
        go_on(page, looker, "right")
        page.locator("#volume").fill("5")
        page.locator("#valid_until").fill("2027-03-31")
        go_on(page, looker, "extent")
        page.locator("#agreement_id").fill("agr-browser")
        go_on(page, looker, "code")
        looker.look("check")
        page.locator("button[value=draft]").press("Enter")
        expect(page.locator("h1")).to_contain_text("agr-browser")
        for _ in ("legal_review", "submit"):
            page.locator("main form button").press("Enter")
            page.wait_for_load_state()
        looker.look("submitted")
        page.context.clear_cookies()
        sit_down(page, site, staff(world, PROVIDER_OWNER))
        page.goto(f"{site}/console/agreements/agr-browser/1?lang={language}")
        looker.look("to-answer")
        page.goto(f"{site}/console/datasets/{DATASET}")
        looker.look("dataset")
        page.goto(f"{site}/console/datasets/new?from={DATASET}")
        looker.look("declare-check")
        page.locator("button[value=datum-1]").press("Enter")
        looker.look("declare-datum")
        page.goto(f"{site}/console/datasets/new")
        looker.look("declare-name")
        page.goto(f"{site}/console/datasets/{DATASET}/retire")
        looker.look("retire")
    assert world.run_sql("select provider from agreements where agreement_id = 'agr-browser'")[0][0] == REGISTRY


@pytest.mark.rule("wallet", "X5", "§9", "U14")
@pytest.mark.parametrize(("language", "width"), [("es", 360), ("en", 1280)])
def test_data_of_many_people_and_limits_that_are_reported(chromium: Browser, world: World, language: str, width: int) -> None:
    limits: dict[str, object] = {"sensitive_allowed": True, "modes": ["view"], "bulk": True, "hours": [0, 6], "report": ["hours"]}
    world.add(law_agreement(world.clock.now(), agreement_id=BULK_AGREEMENT, limits=limits))
    assert send(world).status_code == 200
    with serving(world.app) as site, visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "wallet-bulk", language=language, width=width)
        page.goto(f"{site}/open/bulk?lang={language}")
        looker.look("public")
        sit_down(page, site, world.browser())
        page.goto(f"{site}/access-log")
        looker.look("own-log")
        page.context.clear_cookies()
        sit_down(page, site, staff(world, PROVIDER_OWNER))
        page.goto(f"{site}/console/agreements/{BULK_AGREEMENT}/1?lang={language}")
        looker.look("reported")


@pytest.mark.rule("wallet", "D6", "U14")
@pytest.mark.parametrize(("language", "width"), [("es", 360), ("en", 1280)])
def test_two_officers_decide_together(chromium: Browser, world: World, board: Board, language: str, width: int) -> None:
    board.ask(item={"fields": FIELDS[:2], "optional_fields": FIELDS[2:]})
    with serving(world.app) as site, visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "wallet-together", language=language, width=width)
        for run, seen in ((RUN, "waiting"), (OTHER_RUN, "decided")):
            page.context.clear_cookies()
            sit_down(page, site, board.officer(run))
            page.goto(f"{site}/requests/{board.request}?lang={language}")
            looker.look(f"decide-{seen}")
            page.locator("button[value=grant]").press("Enter")
            page.wait_for_load_state()
            looker.look(seen)
    assert board.consents() == 1


@pytest.mark.rule("wallet", "CH-14", "U14")
@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(("language", "width"), [("es", 360), ("en", 1280)])
def test_the_folder_of_documents(chromium: Browser, world: World, language: str, width: int) -> None:
    world.granted()
    with serving(world.app) as site, visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "wallet-documents", language=language, width=width)
        sit_down(page, site, world.browser())
        page.goto(f"{site}/documents?lang={language}")
        looker.look("folder")
        expect(page.locator("main table tbody tr")).to_have_count(4)
