from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import pytest

from deploy.journey.pages import Browser, PageFault, read_page

PAGE = """<!DOCTYPE html><html lang="es"><head><title>No leer</title><style>p {}</style></head><body>
<header><form action="/idioma" method="post"><button name="lang" value="en">English</button></form></header>
<main><h1>Entre con su  <b>clave</b></h1><p>Hola &amp; adiós</p>
<form method="POST" action="entrar?x=1">
 <input type="hidden" name="csrf_token" value="m&quot;1">
 <input name="who" autocomplete="username" value=""><input type="password" name="pw" autocomplete="current-password">
 <input type="checkbox" name="keep" value="yes"><input type="checkbox" name="news" checked>
 <input type="radio" name="way" value="a"><input type="radio" name="way" value="b" checked>
 <select name="country"><option value="CL" selected>Chile</option><option value="AR">Argentina</option></select>
 <select name="first"><option value="1">1</option><option value="2">2</option></select>
 <textarea name="note">dos
líneas</textarea>
 <input name="off" disabled value="x">
 <button name="decision" value="grant">Sí, <span>acepto</span></button>
</form>
<a href="../ayuda">Ayuda <b>aquí</b></a>
<script>var x = "no";</script></main></body></html>"""
URL = "http://localhost:8001/cuenta/inicio"


def test_a_page_is_read_as_a_person_would() -> None:
    page = read_page(URL, 200, PAGE)
    assert (page.language, page.heading) == ("es", "Entre con su clave")
    assert "Hola & adiós" in page.text
    assert "No leer" not in page.text
    assert "var x" not in page.text
    assert page.links == (("http://localhost:8001/ayuda", "Ayuda aquí"),)


def test_a_form_holds_what_it_came_with() -> None:
    form = read_page(URL, 200, PAGE).forms[0]
    assert (form.action, form.method) == ("http://localhost:8001/cuenta/entrar?x=1", "post")
    assert form.fields == {
        "csrf_token": 'm"1', "who": "", "pw": "", "news": "on", "way": "b", "country": "CL", "first": "1", "note": "dos\nlíneas",
    }  # fmt: skip
    assert form.field_for("username") == "who"
    assert form.field_for("one-time-code") is None
    [button] = form.buttons
    assert (button.name, button.value, button.text) == ("decision", "grant", "Sí, acepto")


def test_the_forms_of_the_main_part_come_first() -> None:
    assert [form.action for form in read_page(URL, 200, PAGE).forms][1] == "http://localhost:8001/idioma"


def browser(answer: Callable[[httpx.Request], httpx.Response], **options: tuple[str, ...]) -> Browser:
    return Browser(httpx.Client(transport=httpx.MockTransport(answer)), language="es", **options)


def html(text: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, html=text)


def test_a_form_is_sent_with_its_hidden_fields_and_the_button_pressed() -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return html(PAGE if request.method == "GET" else "<h1>Listo</h1>")

    person = browser(answer)
    page = person.open(URL)
    done = person.submit(page, page.forms[0], {"who": "11111111-1", "keep": "yes"}, button=page.forms[0].buttons[0])
    assert done.heading == "Listo"
    form = parse_qs(sent[1].content.decode(), keep_blank_values=True)
    assert (form["csrf_token"], form["who"], form["keep"], form["decision"]) == (['m"1'], ["11111111-1"], ["yes"], ["grant"])
    assert "off" not in form
    assert sent[1].headers["Origin"] == "http://localhost:8001"


def test_a_field_that_the_form_has_not_is_a_fault() -> None:
    person = browser(lambda _: html(PAGE))
    page = person.open(URL)
    with pytest.raises(PageFault, match="has no field rut"):
        person.submit(page, page.forms[0], {"rut": "1"})


def test_redirects_are_followed_by_get_up_to_the_services_own_address() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/a":
            return httpx.Response(303, headers={"Location": "/b"})
        return httpx.Response(302, headers={"Location": "http://127.0.0.1:9/callback?code=c&state=s"})

    page = browser(answer, stop_at=("http://127.0.0.1:9/callback",)).open("http://localhost:8001/a")
    assert page.url == "http://127.0.0.1:9/callback?code=c&state=s"


def test_an_address_that_only_begins_like_the_services_own_is_followed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path != "/callback"
        return html("<h1>Otra</h1>") if request.url.path == "/callback2" else httpx.Response(302, headers={"Location": "/callback2"})

    assert browser(answer, stop_at=("http://localhost:9/callback",)).open("http://localhost:9/a").heading == "Otra"


def test_going_round_in_circles_is_a_fault() -> None:
    with pytest.raises(PageFault, match="round in circles"):
        browser(lambda _: httpx.Response(302, headers={"Location": "/"})).open(URL)


def test_an_error_page_is_a_fault_unless_it_asks_again() -> None:
    with pytest.raises(PageFault, match="answered 500: Algo falló"):
        browser(lambda _: html("<h1>Algo falló</h1>", 500)).open(URL)
    assert browser(lambda _: html(PAGE, 400)).open(URL).status == 400
