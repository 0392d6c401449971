"""How easily a text is read.  Spec: requirements NO-16, NO-17; NO-4 for the examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.operations.examples import EXAMPLES, KINDS, LANGUAGES
from notify.standards.personalisation import PLACEHOLDER
from notify.standards.readability import PLAIN_FROM, Hint, hints, measure
from notify.standards.sms_text import fragments, prepare

HARD = (
    "La administración institucional interdepartamental procederá, eventualmente, a la implementación de las correspondientes "
    "disposiciones reglamentarias complementarias relativas a la regularización documental de los antecedentes individualizados "
    "precedentemente en la resolución exenta anteriormente referenciada por la autoridad competente"
)


def test_hard_and_easy_texts_are_told_apart_in_both_languages() -> None:
    assert (measure(HARD).ease or 0) < 30
    easy = measure(
        "Su hora es el lunes. Traiga su cédula. Si no puede venir, llame al 800 123 456. Le damos otra hora. Es gratis para usted."
    )
    assert easy.language == "es"
    assert (easy.ease or 0) > 80
    english = measure(
        "Your visit is on Monday. Bring your card. If you cannot come, call us. We will give you a new time. It is free for you."
    )
    assert english.language == "en"
    assert (english.ease or 0) > 80


def test_too_few_words_are_not_judged() -> None:
    assert measure("Hola").ease is None
    assert measure("").longest_sentence == 0


@pytest.mark.parametrize(
    ("channel", "subject", "body", "hint"),
    [
        ("email", "Aviso", HARD, Hint.HARD_TO_READ),
        ("email", "Aviso", HARD, Hint.LONG_SENTENCE),
        ("email", "Aviso", "Hola", Hint.NO_CONTACT),
        ("email", "x" * 71, "Hola", Hint.LONG_SUBJECT),
        ("sms", None, "ESTE MENSAJE ESTÁ ESCRITO ENTERO CON MAYÚSCULAS", Hint.SHOUTING),
        ("sms", None, "Vea https://bit.ly/abc", Hint.SHORT_LINK),
        ("email", "x", "Envíe su clave a este correo", Hint.ASKS_FOR_SECRET),
    ],
)
def test_what_could_be_better_is_named(channel: str, subject: str | None, body: str, hint: Hint) -> None:
    assert hint in hints(channel, subject, body)


@pytest.mark.parametrize(
    "contact", ["Llame al 800 123 456", "Escriba a hola@example.com", "Vea https://example.com/a", "Llame al ((teléfono))"]
)
def test_any_way_to_ask_counts(contact: str) -> None:
    assert Hint.NO_CONTACT not in hints("email", "x", f"Hola.\n\n{contact}")
    assert Hint.NO_CONTACT not in hints("letter", "x", "Hola.", contact=contact)


def test_there_is_an_example_of_each_kind_language_and_channel() -> None:
    assert set(EXAMPLES) == {
        f"{kind}-{language}-{channel}" for kind in KINDS for language in LANGUAGES for channel in ("email", "sms", "mailbox")
    }


@pytest.mark.parametrize("key", EXAMPLES)
def test_examples_are_plain_and_complete(key: str) -> None:
    words = EXAMPLES[key]
    reading = measure(words.body)
    assert reading.ease is None or reading.ease >= PLAIN_FROM
    assert hints(words.channel, words.subject, words.body, fragments=fragments(prepare(PLACEHOLDER.sub("12345678", words.body)))) == []


@given(st.text(max_size=400))
def test_any_text_can_be_measured(text: str) -> None:
    reading = measure(text)
    assert reading.ease is None or 0 <= reading.ease <= 100
    hints("email", text, text)
