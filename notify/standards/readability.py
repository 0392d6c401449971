"""How easily a text is read, and what a message should not lack.

Spec: Fernández Huerta 1959 (Spanish), Flesch 1948 (English); requirements NO-16, NO-17; from 60 upwards a text is plain.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from notify.standards.personalisation import PLACEHOLDER, placeholders

PLAIN_FROM = 60
WORDS_MIN = 20
SENTENCE_WORDS_MAX = 25
SUBJECT_CHARACTERS_MAX = 70
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"(?<![.!?:;])[.!?:;]++(?=\s|$)|\n+")
_SPANISH = re.compile("el|la|los|las|de|que|y|en|un|una|por|con|para|su|se|no|es|del|al|lo|le|más|como|usted", re.IGNORECASE)
_ENGLISH = re.compile("the|of|and|to|in|is|you|that|it|for|on|with|as|your|are|this|be|have|from|or|not|we", re.IGNORECASE)
_STRONG = "aeoáéíóú"
_ENGLISH_NUCLEUS = re.compile(r"[aeiouy]+", re.IGNORECASE)
_CONTACT = re.compile(r"https?://|www\.|[\w.+-]{1,64}@[\w-]{1,63}\.\w|(?:\d[\d\s().-]{5,20}\d)", re.IGNORECASE)
_CONTACT_PLACE = re.compile(r"tel|phone|fono|correo|mail|contact|link|enlace", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://\S{1,2000}|\S{1,64}@\S{1,255}")  # bounded: a long word is read once


class Hint(StrEnum):
    """What could be better in a message; each is advice, none forbids to send."""

    HARD_TO_READ = "hard-to-read"
    LONG_SENTENCE = "long-sentence"
    NO_CONTACT = "no-contact"
    LONG_SUBJECT = "long-subject"
    SHOUTING = "shouting"
    SEVERAL_FRAGMENTS = "several-fragments"
    SHORT_LINK = "short-link"
    ASKS_FOR_SECRET = "asks-for-secret"  # noqa: S105 - a hint's name


@dataclass(frozen=True)
class Reading:
    """A text measured: `ease` from 0 (hard) to 100 (easy), None where there are too few words to tell."""

    language: str
    words: int
    ease: int | None
    longest_sentence: int


def measure(text: str) -> Reading:
    """Measure a text without its markup and placeholders."""
    bare = _ADDRESS.sub(" ", PLACEHOLDER.sub(" x ", re.sub(r"[#*^_]+|^---+$", " ", text, flags=re.MULTILINE)))
    sentences = [words for part in _SENTENCE_END.split(bare) if (words := _WORD.findall(part))]
    words = [word for sentence in sentences for word in sentence]
    language = _language(words)
    longest = max(map(len, sentences), default=0)
    if len(words) < WORDS_MIN:
        return Reading(language, len(words), None, longest)
    per_sentence = len(words) / len(sentences)
    count = _spanish_syllables if language == "es" else _english_syllables
    per_word = sum(map(count, words)) / len(words)
    ease = 206.84 - 60 * per_word - 1.02 * per_sentence if language == "es" else 206.835 - 84.6 * per_word - 1.015 * per_sentence
    return Reading(language, len(words), max(0, min(100, round(ease))), longest)


def hints(channel: str, subject: str | None, body: str, *, contact: str = "", fragments: int = 1) -> list[Hint]:
    """Name what could be better; `contact` is what a letter carries besides its body."""
    reading = measure(body)
    found = {
        Hint.HARD_TO_READ: reading.ease is not None and reading.ease < PLAIN_FROM,
        Hint.LONG_SENTENCE: reading.longest_sentence > SENTENCE_WORDS_MAX,
        Hint.NO_CONTACT: channel != "sms" and not _says_how_to_ask(f"{body}\n{contact}"),
        Hint.LONG_SUBJECT: bool(subject) and len(subject or "") > SUBJECT_CHARACTERS_MAX,
        Hint.SHOUTING: _shouts(body),
        Hint.SEVERAL_FRAGMENTS: channel == "sms" and fragments > 1,
        Hint.SHORT_LINK: bool(re.search(r"\b(?:bit\.ly|t\.co|tinyurl\.com|goo\.gl|ow\.ly|is\.gd)/", body, re.IGNORECASE)),
        Hint.ASKS_FOR_SECRET: bool(
            re.search(
                r"\b(?:env[ií]e|ind[ií]quenos|responda con|reply with|send us)\b[^.\n]{0,40}\b(?:contraseña|clave|password|pin)\b",
                body,
                re.IGNORECASE,
            )
        ),
    }
    return [hint for hint, applies in found.items() if applies]


def _language(words: list[str]) -> str:
    english, spanish = (sum(bool(common.fullmatch(word)) for word in words) for common in (_ENGLISH, _SPANISH))
    return "en" if english > spanish else "es"


def _spanish_syllables(word: str) -> int:
    """Count nuclei: a strong vowel each; weak ones join a neighbour, or make one of their own where none is near."""
    lowered = re.sub(r"(?<=[gq])u(?=[eéií])", "", word.lower())
    lowered = re.sub(r"y$", "i", lowered)
    groups = re.findall(r"[aeiouáéíóúü]+", lowered)
    return max(1, sum(max(1, sum(vowel in _STRONG for vowel in re.sub(r"[iuü]", "", group))) for group in groups))


def _english_syllables(word: str) -> int:
    lowered = word.lower()
    count = len(_ENGLISH_NUCLEUS.findall(lowered))
    if lowered.endswith("e") and not lowered.endswith(("le", "ee")) and count > 1:
        count -= 1
    return max(1, count)


def _says_how_to_ask(text: str) -> bool:
    return bool(_CONTACT.search(text)) or any(_CONTACT_PLACE.search(name) for name in placeholders(text))


def _shouts(text: str) -> bool:
    words = [word for word in _WORD.findall(PLACEHOLDER.sub(" ", text)) if len(word) > 3]
    return len(words) >= 5 and sum(word.isupper() for word in words) > len(words) / 3
