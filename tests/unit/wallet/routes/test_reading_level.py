"""Pages on which a person decides are easy to read, in Spanish and in English.  Spec: wallet contract U14, L11."""

import re

import pytest
from bs4 import BeautifulSoup

from tests.factories.wallet import PUBLIC_URL, World

EASY = 60
VOWELS = {"es": r"[aeiouáéíóúü]+", "en": r"[aeiouy]+"}
HIATUS = re.compile(r"[aeoáéó](?=[aeoáéóíú])|[íú](?=[aeo])")


def syllables(word: str, lang: str) -> int:
    """Count the sounds of a word: groups of vowels, two where Spanish parts them, an English silent e left out."""
    groups = re.findall(VOWELS[lang], word)
    if lang == "es":
        return max(1, sum(1 + len(HIATUS.findall(group)) for group in groups))
    return max(1, len(groups) - (word.endswith("e") and not word.endswith("le") and len(groups) > 1))


def ease(sentences: list[str], lang: str) -> float:
    """Fernández-Huerta for Spanish, Flesch for English: 60 and more is plain."""
    words = [word for sentence in sentences for word in re.findall(r"[^\W\d_]+", sentence.casefold())]
    per_word = sum(syllables(word, lang) for word in words) / len(words)
    per_sentence = len(words) / len(sentences)
    return 206.84 - 60 * per_word - 1.02 * per_sentence if lang == "es" else 206.835 - 84.6 * per_word - 1.015 * per_sentence


def sentences_of(page: str) -> list[str]:
    """Return the sentences of a page's paragraphs; terms, names and numbers of a table are no prose."""
    main = BeautifulSoup(page, "html.parser").main
    assert main is not None
    texts = [part.get_text(" ", strip=True) for part in main.select("p, .govuk-hint, h1, h2, legend, .govuk-label")]
    found = [one.strip() for text in texts for one in re.split(r"(?<=[.:?!])\s", text)]
    return [one for one in found if len(re.findall(r"[^\W\d_]+", one)) >= 3]


@pytest.mark.rule("wallet", "U14")
@pytest.mark.parametrize(
    ("words", "lang", "number"), [("Usted puede decir que no.", "es", 8), ("They may see it.", "en", 4), ("país oír", "es", 4)]
)
def test_the_measure_counts_sounds_as_people_say_them(words: str, lang: str, number: int) -> None:
    assert sum(syllables(word, lang) for word in re.findall(r"[^\W\d_]+", words.casefold())) == number


@pytest.mark.rule("wallet", "U14")
def test_the_measure_tells_plain_words_from_an_offices() -> None:
    plain = ["Usted puede decir que no.", "No pierde nada."]
    office = ["La autorización precedentemente individualizada conservará su vigencia independientemente de notificaciones ulteriores."]
    assert ease(plain, "es") > EASY > ease(office, "es")


@pytest.mark.rule("wallet", "U14")
@pytest.mark.rule("wallet", "L11")
@pytest.mark.parametrize("lang", ["es", "en"])
def test_the_pages_of_a_decision_are_plain(world: World, lang: str) -> None:
    browser = world.browser()
    consent_id = world.granted()
    asked = world.ask().json["view_uri"].removeprefix(PUBLIC_URL)
    decide = browser.get(asked, follow_redirects=True).request.path
    for address in (decide, f"/consents/{consent_id}/withdraw", "/acting", "/delegations/new", "/notices"):
        sentences = sentences_of(browser.get(f"{address}?lang={lang}").text)
        assert sentences, address
        assert ease(sentences, lang) >= EASY, (address, round(ease(sentences, lang)), sentences)
