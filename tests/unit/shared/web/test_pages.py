import re

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient

from shared.web.assets import Assets
from tests.unit.shared.web.gallery import PAGES

LIGHT_BYTES_MAX = 50 * 1024
BYTES_MAX = 120 * 1024


def soup(client: FlaskClient, path: str) -> BeautifulSoup:
    return BeautifulSoup(client.get(path).text, "html.parser")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["es", "en"])
def test_each_page_has_one_main_one_heading_its_language_and_a_title(client: FlaskClient, path: str, language: str) -> None:
    page = soup(client, path + ("&" if "?" in path else "?") + "lang=" + language)
    heading = page.select_one("main h1")
    assert len(page.select("main")) == len(page.select("h1")) == 1
    assert heading is not None
    assert page.html is not None
    assert page.html["lang"] == language
    assert page.title is not None
    assert "Andamio" in page.title.text
    assert page.select("footer a[href^='tel:']")
    assert not page.select("script, style, [style], [onclick]")


def test_titles_are_unique_and_tell_of_errors(client: FlaskClient) -> None:
    titles = [str(soup(client, path).title) for path in PAGES if path not in {"/acting"}]
    assert len(set(titles)) == len(titles)
    assert "<title>Error: " in str(soup(client, "/form?wrong=1").title)


@pytest.mark.parametrize(("path", "bytes_max"), [("/form", LIGHT_BYTES_MAX), ("/choices", BYTES_MAX), ("/console", BYTES_MAX)])
def test_page_with_all_it_loads_is_small(client: FlaskClient, path: str, bytes_max: int) -> None:
    """Without compression; all that the page refers to, and the fonts that its style sheets do."""
    html = client.get(path).text
    waiting, sizes = re.findall(r'(?:href|src)="(/static/[^"]+)"', html), {path: len(html.encode())}
    while waiting:
        address = waiting.pop()
        response = client.get(address)
        assert response.status_code == 200
        sizes[address] = len(response.data)
        if address.endswith(".css"):
            waiting += ["/static/" + name for name in re.findall(r"url\(([^)]+)\)", response.text)]
    assert sum(path.endswith(".woff2") for path in sizes) == 2
    assert sum(sizes.values()) <= bytes_max, sizes


def test_a_page_asks_no_other_origin_for_anything(client: FlaskClient) -> None:
    for path in PAGES:
        for element in soup(client, path).select("[src], link[href]"):
            assert str(element.get("src") or element.get("href")).startswith("/static/")


def test_the_language_switch_keeps_the_page_and_its_query(client: FlaskClient) -> None:
    page = soup(client, "/form?wrong=1&lang=es")
    other = page.select_one(".app-language a")
    assert other is not None
    assert other["href"] == "/form?wrong=1&lang=en"
    assert other["lang"] == "en"
    assert other.text == "English"


def test_the_language_comes_from_address_then_cookie_then_browser_then_spanish(app: Flask) -> None:
    def shown(client: FlaskClient, path: str, **headers: str) -> str:
        return str(re.search(r'<html lang="(\w+)"', client.get(path, headers=headers).text)[1])  # type: ignore[index]

    assert shown(app.test_client(), "/form") == "es"
    assert shown(app.test_client(), "/form", **{"Accept-Language": "fr, de"}) == "es"
    assert shown(app.test_client(), "/form", **{"Accept-Language": "en-GB,en;q=0.9,es;q=0.1"}) == "en"
    client = app.test_client()
    assert shown(client, "/form?lang=en") == "en"
    assert shown(client, "/form", **{"Accept-Language": "es"}) == "en"
    assert shown(client, "/form?lang=xx") == "en"


def test_one_visitor_s_language_does_not_stay_for_the_next(app: Flask) -> None:
    app.test_client().get("/form?lang=en")
    assert 'lang="es"' in app.test_client().get("/form").text


def test_the_problem_page_says_what_happened_and_what_to_do(client: FlaskClient) -> None:
    response = client.get("/missing", headers={"X-Request-Id": "abcd-1234-efgh"})
    assert response.status_code == 404
    text = BeautifulSoup(response.text, "html.parser").get_text(" ")
    assert "No encontramos esta página" in text
    assert "Revise la dirección" in text
    assert "abcd-1234-efgh" in text
    assert "800 123 456" in text


def test_the_refusal_of_an_access_rule_is_in_the_visitor_s_language(client: FlaskClient) -> None:
    assert "This is not allowed" in client.get("/forbidden?lang=en").text


def test_who_acts_for_whom_cannot_be_overlooked(client: FlaskClient) -> None:
    page = soup(client, "/acting")
    band = page.select_one("header .app-band")
    assert band is not None
    assert "Usted actúa por José Ñancupil Huenchumán" in band.text
    assert "Camila Andrea Soto Pérez" in page.select_one("header").text  # type: ignore[union-attr]


def test_the_error_summary_leads_to_the_field_and_takes_the_focus(client: FlaskClient) -> None:
    page = soup(client, "/form?wrong=1")
    summary = page.select_one(".govuk-error-summary")
    assert summary is not None
    assert summary.has_attr("autofocus")
    link = summary.select_one("a")
    assert link is not None
    field = page.select_one(str(link["href"]))
    assert field is not None
    assert field.name == "input"
    assert "run-error" in str(field["aria-describedby"])


def test_a_name_is_escaped_wherever_it_is_shown(app: Flask) -> None:
    with app.test_request_context():
        app.preprocess_request()
        from shared import web

        web.act_for("<b>Kevin</b>")
        text = web.page("gallery/form.html", error_list=[{"href": "#run", "text": "<i>x</i>"}]).get_data(as_text=True)
    assert "&lt;b&gt;Kevin" in text
    assert "<i>x" not in text


def test_files_are_kept_for_a_year_and_zipped_for_who_can_read_it(client: FlaskClient) -> None:
    address = str(soup(client, "/form").select_one("link[rel=stylesheet]")["href"])  # type: ignore[index]
    plain, zipped = client.get(address), client.get(address, headers={"Accept-Encoding": "gzip"})
    assert "max-age=31536000" in plain.headers["Cache-Control"]
    assert "immutable" in plain.headers["Cache-Control"]
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert len(zipped.data) < len(plain.data) / 3
    assert plain.headers["Vary"] == zipped.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("name", ["andamio.css", "andamio.000000000000.css", "..%2f__init__.py", "public-sans.LICENSE.txt"])
def test_only_the_served_names_are_served(client: FlaskClient, name: str) -> None:
    assert client.get("/static/" + name).status_code == 404


def test_a_style_sheet_names_its_fonts_as_they_are_served(app: Flask) -> None:
    assets = Assets("shared.web")
    with app.test_request_context():
        css = assets.respond(assets.name("andamio.css")).get_data(as_text=True)
    fonts = re.findall(r"url\(([^)]+)\)", css)
    assert sorted(fonts) == sorted([assets.name("public-sans-400.woff2"), assets.name("public-sans-700.woff2")])


def test_two_files_of_one_name_keep_the_app_from_starting() -> None:
    with pytest.raises(ValueError, match="two static files"):
        Assets("shared.web", "shared.web")
