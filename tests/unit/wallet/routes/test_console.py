"""The console of bodies: datasets declared and agreements made by page, from the draft to data that move.  Spec: wallet contract §2, §9."""

import json
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from tests.contract.wallet.test_agreement_requests import LIMITS
from tests.factories.wallet import CONSUMER, DATASET, FIELDS, LAW, PROCEDURE, PROVIDER, PURPOSE, REGISTRY, SCHOOL, World
from wallet.models.agreement_template import AgreementTemplate
from wallet.operations.agreement_requests import publish_template
from wallet.operations.agreements import signature

NEW, AT = "/console/agreements/new", "/console/agreements/agr-page/1"
OWNER, DEVELOPER = f"{SCHOOL}:owner", f"{SCHOOL}:developer"
PROVIDER_OWNER = f"{REGISTRY}:owner"
ROW = {"id": "marital_status", "title_es": "Estado civil", "kind": "string", "concept": "https://w3id.org/dpv/pd#MaritalStatus"}


def staff(world: World, *roles: str, level: int = 2) -> FlaskClient:
    browser = world.browser("22222222-2", name="José")
    with browser.session_transaction() as session:
        session["person"] = {**session["person"], "roles": list(roles), "acr": f"urn:andamio:acr:{level}"}
    return browser


def post(browser: FlaskClient, address: str, *, on: str | None = None, **fields: object) -> TestResponse:
    soup = BeautifulSoup(browser.get(on or address).text, "html.parser")
    mark = soup.select_one("input[name=csrf_token]")
    assert mark is not None
    return browser.post(address, data={"csrf_token": str(mark["value"]), **fields})


def words(page: TestResponse) -> str:
    main = BeautifulSoup(page.text, "html.parser").main
    assert main is not None
    return " ".join(main.get_text(" ").split())


@pytest.fixture
def template(world: World) -> None:
    texts = {"es": "Términos tipo", "en": "Standard terms"}
    row = AgreementTemplate(template_id="tpl", title=texts, text=texts, legal_basis=["legal_obligation", "consent"], limits=LIMITS)
    row.retention = {"duration": "P0D", "erase_on_withdrawal": True}
    publish_template(world.wallet, row, actor="test")


def terms(world: World, **changes: object) -> dict[str, object]:
    until = (world.clock.now() + timedelta(days=300)).date().isoformat()
    made = {"template": "tpl", "dataset": DATASET, "body": SCHOOL, "field": FIELDS, "purpose": PURPOSE, "procedure": PROCEDURE}
    made |= {"legal_basis": "legal_obligation", "law_reference": LAW, "sensitive_article": "artículo 39 bis", "per_day": "5"}
    return {**made, "valid_until": until, "agreement_id": "agr-page", "step": "check", "to": "draft", "checked": "1", **changes}


def draft(world: World, browser: FlaskClient, **changes: object) -> TestResponse:
    return post(browser, NEW, on=f"{NEW}?template=tpl&dataset={DATASET}&body={SCHOOL}", **terms(world, **changes))


def step(browser: FlaskClient, name: str, **more: str) -> TestResponse:
    return post(browser, AT + "/steps", on=AT, step=name, **more)


def buttons(page: TestResponse) -> set[str]:
    return {str(field["value"]) for field in BeautifulSoup(page.text, "html.parser").select("input[name=step]")}


def sign(world: World, browser: FlaskClient, client_id: str, org_id: str) -> TestResponse:
    key = ECKey.generate_key("P-256", {"kid": org_id}, private=True)
    jwks = json.dumps({"keys": [key.as_dict(private=False)]})
    world.run_sql("update clients set jwks = cast(:jwks as jsonb) where client_id = :id", id=client_id, jwks=jwks)
    shown = BeautifulSoup(browser.get(AT).text, "html.parser").select_one("pre")
    assert shown is not None
    to_sign = json.loads(shown.get_text())
    made = signature(to_sign["agreement_id"], to_sign["version"], to_sign["sha256"], org_id=to_sign["iss"], key=key)
    return post(browser, AT + "/signatures", on=AT, signature=made)


@pytest.mark.rule("wallet", "§9", "L13", "L14", "WA-9")
def test_from_a_draft_on_a_page_to_data_that_move(world: World, template: None) -> None:
    school, registry = staff(world, OWNER), staff(world, PROVIDER_OWNER)
    chosen = school.get(NEW)
    assert "Términos tipo" in words(chosen)
    assert DATASET in chosen.text
    assert draft(world, school).location == AT
    assert buttons(school.get(AT)) == {"legal_review"}
    assert step(school, "legal_review").status_code == 303
    assert step(school, "submit").status_code == 303
    assert "La respuesta debe llegar hasta el" in words(registry.get(AT))
    assert buttons(registry.get(AT)) == {"accept", "reject", "extend"}
    assert buttons(school.get(AT)) == set()
    assert step(registry, "extend").status_code == 303
    assert buttons(registry.get(AT)) == {"accept", "reject"}
    assert step(registry, "accept").status_code == 303
    assert step(school, "open_signing").status_code == 303
    assert sign(world, school, CONSUMER, SCHOOL).status_code == 303
    assert school.get(AT).text.count("<textarea") == 0  # its own signature is there
    assert sign(world, registry, PROVIDER, REGISTRY).status_code == 303
    assert world.fetch(world.exchange_body(basis={"kind": "law", "agreement_id": "agr-page"})).status_code == 200
    assert "1 / 5" in words(school.get(AT))  # the limit is watched
    assert "agr-page" in words(school.get("/console/"))
    actors = world.run_sql("select core from audit_entries where core like '%agr-page%' and core like '%staff:sub-22222222-2%'")
    assert len(actors) >= 7


@pytest.mark.rule("wallet", "L14")
def test_a_refusal_says_why_and_goes_to_mediation(world: World, template: None) -> None:
    school, registry = staff(world, OWNER), staff(world, PROVIDER_OWNER)
    draft(world, school)
    for name in ("legal_review", "submit"):
        step(school, name)
    bare = step(registry, "reject")
    assert bare.status_code == 400
    assert "Diga por qué" in words(bare)
    assert step(registry, "reject", reason="<b>Falta la ley.</b>").status_code == 303
    assert "<b>Falta" not in school.get(AT).text
    assert buttons(school.get(AT)) == {"mediation"}
    assert step(school, "mediation").status_code == 303


@pytest.mark.rule("wallet", "§9")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"field": []}, "datasets"),
        ({"agreement_id": "con espacios"}, "agreement_id"),
        ({"agreement_id": ""}, "agreement_id"),
        ({"per_day": "0"}, "volume"),
        ({"per_day": "9" * 40}, "volume"),
        ({"valid_until": "2001-01-01"}, "valid_until"),
        ({"valid_until": "mañana"}, "valid_until"),
        ({"legal_basis": "contract"}, "legal_basis"),
        ({"law_reference": ""}, "legal_basis"),
        ({"law_reference": "x" * 301}, "law_reference"),
        ({"purpose": "<script>"}, "purposes"),
    ],
)
def test_a_form_that_does_not_fit_says_what_to_do_and_keeps_what_was_typed(
    world: World, template: None, changes: dict[str, object], field: str
) -> None:
    answer = draft(world, staff(world, OWNER), **changes)
    soup = BeautifulSoup(answer.text, "html.parser")
    assert answer.status_code == 400
    assert soup.select_one(f".govuk-error-summary a[href='#{field}']") is not None
    assert soup.select_one(f"#{field}") is not None
    assert "<script>" not in answer.text
    assert world.run_sql("select count(*) from agreements where agreement_id = 'agr-page'")[0][0] == 0


@pytest.mark.rule("wallet", "§9", "L14")
def test_who_may_do_what(world: World, template: None) -> None:
    assert draft(world, staff(world, DEVELOPER)).status_code == 303
    developer, other, helper = staff(world, DEVELOPER), staff(world, "org-other:owner"), staff(world, f"{SCHOOL}:helper")
    assert post(developer, AT + "/steps", on=AT, step="legal_review").status_code == 403  # the head of the body decides
    assert other.get(AT).status_code == 404
    assert post(other, AT + "/steps", on="/console/", step="legal_review").status_code == 404
    assert helper.get(AT).status_code == 200
    assert "level=2" in staff(world, OWNER, level=1).get(NEW).location
    assert helper.get(NEW).status_code == 403
    assert helper.get("/console/datasets/new").status_code == 403
    assert draft(world, staff(world, OWNER), body=REGISTRY).status_code == 400
    assert post(staff(world, OWNER), AT + "/signatures", on=AT, signature="x.y.z").status_code in {400, 409}
    assert staff(world, f"{SCHOOL}:auditor").get(NEW).status_code == 403
    assert staff(world, ":owner").get(NEW).status_code == 403


def declared(**changes: object) -> dict[str, object]:
    made = {"dataset_id": "civil-status", "title_es": "Estado civil", "description_es": "El estado civil inscrito.", "system": PROVIDER}
    made |= {"classification": "personal", "subject_kind": "person", "endpoint": "https://registro.example/v1/estado"}
    made |= {"audience": "https://registro.example", "consent_max_days": "90", "cache_max_seconds": "0", "rows": "1"}
    made |= {"step": "check", "to": "declare", "checked": "1"}
    return {**made, **{f"row-0-{name}": value for name, value in ROW.items()}, **changes}


@pytest.mark.rule("wallet", "R1", "R2", "X1")
def test_a_dataset_is_declared_renewed_and_taken_back_by_page(world: World) -> None:
    browser, new = staff(world, f"{REGISTRY}:developer"), "/console/datasets/new"
    assert post(browser, new, **declared()).location == "/console/datasets/civil-status"
    assert "Estado civil" in words(world.app.test_client().get("/directory?text=estado"))
    again = post(browser, new, **declared())
    assert again.status_code == 400
    assert "Ya rige una versión" in words(again)
    form = BeautifulSoup(browser.get(new + "?from=civil-status").text, "html.parser")
    follows = form.select_one("input[name=follows]")
    assert follows is not None
    assert "Estado civil marital_status" in words(browser.get(new + "?from=civil-status"))
    assert post(browser, new, **declared(follows=str(follows["value"]), title_es="Estado civil actual")).status_code == 303
    assert "Estado civil actual" in words(browser.get("/console/datasets/civil-status"))
    assert "0 permisos" in words(browser.get("/console/datasets/civil-status/retire"))
    assert post(browser, "/console/datasets/civil-status/retire").status_code == 303
    assert browser.get("/console/datasets/civil-status").status_code == 400


NEW_DATASET = "/console/datasets/new"


class Walk:
    """Somebody who answers page by page, as a browser does."""

    def __init__(self, browser: FlaskClient, address: str = NEW_DATASET) -> None:
        self.browser, self.address = browser, address.partition("?")[0]
        self.page = browser.get(address)

    @property
    def question(self) -> str:
        heading = BeautifulSoup(self.page.text, "html.parser").h1
        assert heading is not None
        return heading.get_text()

    def send(self, button: str = "", name: str = "to", **typed: object) -> TestResponse:
        """Send what the page holds, with what is typed over it, by a button."""
        form = BeautifulSoup(self.page.text, "html.parser").select_one("main form")
        assert form is not None
        held: dict[str, object] = {}
        for field in form.select("input[type=hidden], input:not([type]), input[type=checkbox][checked]"):
            same = form.select(f"[name='{field['name']}']:is([type=hidden], :not([type]), [type=checkbox][checked])")
            held[str(field["name"])] = [str(one.get("value", "")) for one in same]
        for one in form.select("select"):
            option = one.select_one("option[selected]") or one.select_one("option")
            held[str(one["name"])] = str(option["value"]) if option is not None else ""
        self.page = self.browser.post(self.address, data={**held, **typed, **({name: button} if button else {})})
        return self.page


@pytest.mark.rule("wallet", "R1", "U14")
def test_one_thing_is_asked_a_page_and_all_is_shown_before_it_is_in_force(world: World) -> None:
    walk = Walk(staff(world, f"{REGISTRY}:developer"))
    assert walk.question == "¿Cómo se llama el conjunto de datos?"
    walk.send(dataset_id="civil-status", title_es="Estado civil", description_es="El estado civil inscrito.")
    assert walk.question == "¿De qué tipo son los datos?"
    assert walk.send(classification="personal").status_code == 400  # about whom?
    walk.send(classification="personal", subject_kind="person")
    assert walk.question == "¿Dónde se piden?"
    walk.send("kind")  # back, with all that was said
    assert 'value="personal" selected' in walk.page.text
    walk.send()
    walk.send(system=PROVIDER, endpoint="https://registro.example/v1/estado", audience="https://registro.example")
    walk.send(consent_max_days="90")
    assert walk.question == "Dato 1"
    row = {f"row-0-{name}": value for name, value in ROW.items()}
    walk.send("more", **row)
    assert walk.question == "Dato 2"
    second = {name.replace("0", "1"): value for name, value in row.items()}
    assert walk.send(**second).status_code == 400  # its code is taken
    walk.send("datum-0", **dict.fromkeys(second, ""))  # a datum that nobody wrote is none
    assert walk.question == "Dato 1"
    walk.send("more")
    walk.send(**{**second, "row-1-id": "since"})
    assert walk.question == "Revise lo que declara"
    walk.send("terms")
    walk.send(cache_max_seconds="60")
    assert walk.question == "Revise lo que declara"  # once checked, each change leads back
    walk.send("more")
    walk.send("check")
    assert walk.page.text.count('name="remove"') == 2
    walk.send("1", name="remove")
    assert walk.page.text.count('name="remove"') == 1
    assert walk.send("declare").location == "/console/datasets/civil-status"
    made = world.run_sql("select fields, cache_max_seconds, consent_max_seconds from datasets where dataset_id = 'civil-status'")
    assert ([field["field_id"] for field in made[0][0]], made[0][1], made[0][2]) == (["marital_status"], 60, 90 * 86_400)


@pytest.mark.rule("wallet", "§9", "U14")
def test_an_agreement_is_asked_for_one_thing_a_page_and_all_is_shown_before_the_draft(world: World, template: None) -> None:
    until = (world.clock.now() + timedelta(days=300)).date().isoformat()
    walk = Walk(staff(world, OWNER), f"{NEW}?template=tpl&dataset={DATASET}&body={SCHOOL}")
    assert walk.question == "¿Cuáles de los datos necesita?"
    assert walk.send().status_code == 400  # none
    walk.send(field=FIELDS[:2])
    assert walk.question == "¿Para qué son los datos?"
    walk.send("data")  # back, with what was said
    assert walk.page.text.count(" checked>") == 2
    walk.send()
    walk.send(purpose=PURPOSE, procedure=PROCEDURE)
    assert walk.question == "¿Con qué derecho los pide?"
    walk.send(legal_basis="legal_obligation", law_reference=LAW, sensitive_article="artículo 39 bis")
    assert walk.question == "¿Cuántas veces y hasta cuándo?"
    assert walk.send(per_day="5", valid_until="mañana").status_code == 400
    assert 'value="5"' in walk.page.text
    walk.send(valid_until=until)
    assert walk.question == "¿Cómo se llama el acuerdo?"
    walk.send(agreement_id="agr-page")
    assert walk.question == "Revise lo que pide"
    for said in ("Dato full_name, Dato has_record", "Contratar en un colegio", "Contratación escolar", LAW, "artículo 39 bis", "agr-page"):
        assert said in words(walk.page), said
    walk.send("extent")
    walk.send(per_day="7")
    assert walk.question == "Revise lo que pide"  # once checked, each change leads back
    assert world.run_sql("select count(*) from agreements where agreement_id = 'agr-page'")[0][0] == 0
    assert walk.send("draft").location == AT
    made = world.run_sql("select datasets, volume, state from agreements where agreement_id = 'agr-page'")[0]
    assert (made[0][0]["fields"], made[1], made[2]) == (FIELDS[:2], {"per_day": 7}, "draft")


@pytest.mark.rule("wallet", "§9")
@pytest.mark.parametrize(
    "changes",
    [
        {"step": "no-such", "to": "no-such"},
        {"step": "", "to": ""},
        {"step": "data", "to": "check", "field": []},
        {"step": "right", "to": "purpose", "checked": ""},
        {"step": "code", "to": "", "agreement_id": "<script>alert(1)</script>"},
        {"to": "check", "law_reference": "<script>alert(1)</script>", "per_day": "-1"},
        {"field": ["full_name"] * 50, "to": "data"},
    ],
)
def test_pages_of_an_agreement_out_of_order_are_still_pages(world: World, template: None, changes: dict[str, object]) -> None:
    page = draft(world, staff(world, OWNER), **changes)
    assert page.status_code in {200, 400}
    assert BeautifulSoup(page.text, "html.parser").h1 is not None
    assert "<script>alert" not in page.text
    assert world.run_sql("select count(*) from agreements where agreement_id = 'agr-page'")[0][0] == 0


@pytest.mark.rule("wallet", "R1")
@pytest.mark.parametrize(
    "changes",
    [
        {"rows": "999999999"},
        {"rows": "-1"},
        {"rows": "x", "step": "datum-99"},
        {"step": "datum-²", "to": "more"},
        {"step": "no-such", "to": "no-such"},
        {"step": "", "to": "datum-59"},
        {"remove": "99", "to": ""},
        {"remove": "x", "to": ""},
        {"to": "check", "step": "check", "rows": "60"},
        {"title_es": "<script>alert(1)</script>", "to": "check"},
        {"subject_kind": ["person"] * 50, "to": "name"},
    ],
)
def test_pages_that_are_asked_for_out_of_order_are_still_pages(world: World, changes: dict[str, object]) -> None:
    page = post(staff(world, f"{REGISTRY}:developer"), NEW_DATASET, **declared(**changes))
    assert page.status_code in {200, 400}
    assert BeautifulSoup(page.text, "html.parser").h1 is not None
    assert "<script>alert" not in page.text
    assert world.run_sql("select count(*) from datasets where dataset_id = 'civil-status'")[0][0] == 0


@pytest.mark.rule("wallet", "R2")
def test_the_page_says_what_ends_with_a_dataset(world: World) -> None:
    world.granted()
    browser = staff(world, PROVIDER_OWNER)
    assert "1 permiso vigente" in words(browser.get(f"/console/datasets/{DATASET}/retire"))
    assert post(staff(world, OWNER), f"/console/datasets/{DATASET}/retire", on="/console/").status_code == 404  # another body's
    assert post(browser, f"/console/datasets/{DATASET}/retire").status_code == 303
    assert world.run_sql("select state from consents")[0][0] == "invalidated"


@pytest.mark.rule("wallet", "R1", "U15")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"dataset_id": "con espacios"}, "dataset_id"),
        ({"endpoint": "http://registro.example"}, "endpoint"),
        ({"title_es": ""}, "title"),
        ({"classification": "x"}, "classification"),
        ({"subject_kind": []}, "subject_kinds"),
        ({"row-0-concept": "javascript:alert(1)"}, "fields"),
        ({"row-0-id": ""}, "fields"),
        ({"rows": "0"}, "fields"),
        ({"rows": "2", **{f"row-1-{name}": value for name, value in ROW.items()}}, "fields"),
        ({"system": CONSUMER}, "system"),
        ({"consent_max_days": "-1"}, "consent_max_seconds"),
    ],
)
def test_a_declaration_that_does_not_fit_is_not_put_in_force(world: World, changes: dict[str, object], field: str) -> None:
    hostile = {"title_en": "<script>alert(1)</script>"}
    answer = post(staff(world, PROVIDER_OWNER), "/console/datasets/new", **declared(**hostile, **changes))
    assert answer.status_code == 400
    assert BeautifulSoup(answer.text, "html.parser").select_one(f".govuk-error-summary a[href='#{field}']") is not None
    assert "<script>alert" not in answer.text
    assert world.run_sql("select count(*) from datasets where dataset_id = 'civil-status'")[0][0] == 0


@pytest.mark.rule("wallet", "§9", "L14")
def test_steps_are_not_skipped_and_no_other_bodys_agreement_is_taken_over(world: World, template: None) -> None:
    school = staff(world, OWNER)
    draft(world, school)
    assert step(school, "open_signing").status_code == 409  # not before the provider's yes
    for name in ("legal_review", "submit"):
        step(school, name)
    assert step(school, "mediation").status_code == 409  # not while the answer is not due
    world.run_sql("alter table agreements disable trigger user")
    world.run_sql("update agreements set consumer = :other where agreement_id = 'agr-page'", other=REGISTRY)
    assert draft(world, school).status_code == 403
