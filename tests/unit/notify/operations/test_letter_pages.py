"""Pages of letters can be printed and posted by the rules that letters of others are held to.  Spec: notify-api §17; ADR 0006."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pikepdf
import pytest
import zxingcpp
from flask.testing import FlaskClient
from PIL import Image

from notify.context import Notify
from notify.models.catalogue import KnownBrand, KnownTemplate
from notify.operations.drafts import draft_of
from notify.operations.letter_pages import Sheet, letter_pdf, letter_pictures, may_be_set
from notify.operations.rendering import Content
from notify.operations.templates import TemplateText
from notify.standards.letter_check import LetterRefused, check_letter
from notify.standards.statuses import Channel
from tests.factories.notify import ADDRESS as POSTED_TO
from tests.factories.notify import World, add_template
from tests.factories.notify_fixtures import RunJobs

ADDRESS = ("Camila Andrea Soto Pérez", "Avenida Los Aromos 12", "Departamento 3", "Quilpalín", "SW1 1AA")
SHEET = Sheet(address=ADDRESS, service_name="Colegio Las Araucarias", date="08-06-2026", reference="R-1")


def letter(body: str, *, contact: str = "Calle Los Boldos 45\nTeléfono 800 123 456") -> KnownTemplate:
    words = TemplateText(channel=Channel.LETTER, name="x", subject="Su hora", body=body, postage="second", contact_block=contact)
    return draft_of(UUID(int=1), UUID(int=2), words, datetime(2026, 6, 8, tzinfo=UTC))


@pytest.mark.rule("notify", "§17")
@pytest.mark.parametrize("body", ["Hola", "# Título\n\n* uno\n* dos\n\n***\n\nOtra página", "Hola\n\n" + "Un párrafo de la carta. " * 400])
def test_our_letters_pass_our_own_checks_and_the_address_is_in_the_window(body: str) -> None:
    rendered = letter_pdf(letter(body), {}, SHEET)
    checked = check_letter(rendered.pdf, allow_international=True)
    assert checked.address.lines == ADDRESS
    assert checked.pages == rendered.pages


@pytest.mark.rule("notify", "§17")
@pytest.mark.parametrize(
    ("subject", "body", "lines", "is_set"),
    [
        ("Su hora", "QR: a\n\n" * 200, ADDRESS, True),
        ("Su hora", "QR: a\n\n" * 201, ADDRESS, False),
        ("x" * 199_998, "a", ("b",), True),
        ("x" * 199_999, "a", ("b",), False),
        ("", "a", ("b" * 200_000,), False),
    ],
)
def test_what_is_far_too_long_is_not_even_set(subject: str, body: str, lines: tuple[str, ...], is_set: bool) -> None:
    assert may_be_set(Content(subject, body), lines) == is_set


@pytest.mark.rule("notify", "§17")
def test_every_font_is_in_the_file() -> None:
    with pikepdf.open(io.BytesIO(letter_pdf(letter("Hola ñandú\n\n# Título"), {}, SHEET).pdf)) as pdf:
        fonts = [font for page in pdf.pages for font in page.Resources.Font.values()]
        assert fonts
        for font in fonts:
            descriptor = font.DescendantFonts[0].FontDescriptor if "/DescendantFonts" in font else font.FontDescriptor
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor.keys())


@pytest.mark.rule("notify", "§17")
@pytest.mark.parametrize(
    ("body", "language"),
    [("Usted tiene una hora en el consultorio.", "es"), ("You have an appointment at the surgery. Please bring this letter.", "en")],
)
def test_a_letter_says_in_which_language_it_is_read_aloud(body: str, language: str) -> None:
    with pikepdf.open(io.BytesIO(letter_pdf(letter(body), {}, SHEET).pdf)) as pdf:
        assert str(pdf.Root.Lang) == language


@pytest.mark.rule("notify", "§17", "NO-3")
def test_the_whole_of_a_wide_logo_is_printed() -> None:
    drawn = Image.new("RGB", (480, 40), "#ff0000")
    drawn.paste("#0000ff", (240, 0, 480, 40))
    logo = io.BytesIO()
    drawn.save(logo, "PNG")
    brand = KnownBrand(UUID(int=3), "Municipalidad", "#124d87", logo.getvalue())
    (picture,) = letter_pictures(letter("Hola"), {}, replace(SHEET, brand=brand))
    dots = Image.open(io.BytesIO(picture)).convert("RGB").getcolors(2**24) or []
    colours = {colour: count for count, colour in dots}
    red, blue = colours[(255, 0, 0)], colours[(0, 0, 255)]
    assert red > 500
    assert abs(red - blue) < red / 10
    # As wide as its place, 65 mm of 210: an eighth of that high.
    assert red + blue < (65 / 210 * 595) ** 2 / 8


@pytest.mark.rule("notify", "§17")
def test_a_code_can_be_scanned_and_its_words_are_under_it() -> None:
    (picture,) = letter_pictures(letter("Entre aquí:\n\nQR: https://example.com/hora?x=1"), {}, SHEET)
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)).resize((1190, 1684)))
    assert [code.text for code in found] == ["https://example.com/hora?x=1"]


@pytest.mark.rule("notify", "§3")
def test_a_draft_with_a_code_that_is_too_long_shows_its_words() -> None:
    """Or nobody could open it to put it right."""
    assert letter_pictures(letter("Entre aquí:\n\nQR: https://example.com/" + "x" * 3000), {}, SHEET)


@pytest.mark.rule("notify", "§17")
def test_eleven_pages_are_too_many_for_an_envelope() -> None:
    rendered = letter_pdf(letter("\n\n***\n\n".join(f"Página {number}" for number in range(11))), {}, SHEET)
    assert rendered.pages == 11
    with pytest.raises(LetterRefused, match="letter-too-long"):
        check_letter(rendered.pdf, allow_international=True)


@pytest.mark.rule("notify", "§17")
@pytest.mark.parametrize(("subject", "body"), [("Su hora", "Hola 🙂"), ("Su hora", "Estimada 王小明:\n\nمرحبا"), ("((nada))", "Hola")])
def test_a_letter_leaves_with_signs_that_no_font_draws_and_with_an_empty_subject(subject: str, body: str) -> None:
    rendered = letter_pdf(replace(letter(body), subject=subject), {"nada": ""}, SHEET)
    assert check_letter(rendered.pdf, allow_international=True).address.lines == ADDRESS


@pytest.mark.rule("notify", "§17")
@pytest.mark.parametrize("body", ["## Qué traer\n\nSu carnet.", "# Su hora\n\n## Qué traer\n\nSu carnet.\n\n## Dónde"])
def test_a_letter_with_headings_of_either_rank_is_read_aloud_in_order(body: str) -> None:
    with pikepdf.open(io.BytesIO(letter_pdf(letter(body), {}, SHEET).pdf)) as pdf:
        assert b"pdfuaid:part" in pdf.Root.Metadata.read_bytes()


@pytest.mark.rule("notify", "§11", "§17")
def test_a_letter_that_turns_out_too_long_is_not_printed(client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    template = add_template(world, "letter", body="\n\n***\n\n".join(["Página"] * 11), subject="Larga")
    body = {"template_id": str(template), "personalisation": POSTED_TO}
    path = f"/v2/notifications/{client.post('/v2/notifications/letter', json=body, headers=world.headers()).json['id']}"
    run_jobs()
    found = client.get(path, headers=world.headers()).json
    assert (found["status"], found["validation_error"], found["cost_in_pounds"]) == ("validation-failed", "letter-too-long", 0.0)
    refused = client.get(f"{path}/pdf", headers=world.headers())
    assert refused.json["errors"][0]["message"] == "PDF not available for letters in status validation-failed"
    assert notify.printer.messages == []  # type: ignore[attr-defined]  # the one in memory
