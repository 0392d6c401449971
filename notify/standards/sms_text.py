"""What a text message may hold and what it costs: GSM 03.38, the Welsh letters, fragments.  Spec: notify-api §15."""

import re
import unicodedata

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("^{}[]~|\\€")
WELSH = frozenset("ÀÁÂÈÊËÌÍÎÏÒÓÔÙÚÛÝáâêëíîïóôúûýÿŴŵŶŷŸẀẁẂẃẄẅỲỳ")
ALLOWED = GSM_BASIC | GSM_EXTENDED | WELSH
CHARACTERS_MAX = 918
COMPOSED_CHARACTERS_MAX = 10_000

_REPLACED = {
    **dict.fromkeys("‘’‚‛′`´", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "),
    **dict.fromkeys("\u180e\u200b\u200c\u200d\u2060\ufeff\u00ad", ""),
    **dict(
        zip("ŁłĐđĦħŦŧıĿŀŒœÞþÐð", ["L", "l", "D", "d", "H", "h", "T", "t", "i", "L", "l", "OE", "oe", "Th", "th", "D", "d"], strict=True)
    ),
    "…": "...",
}
_NOT_CARRIED = re.compile("[^" + re.escape("".join(sorted(ALLOWED))) + "]")
# What most texts are: nothing to write otherwise, and no carriage return.
_AS_IT_IS = re.compile("[" + re.escape("".join(sorted(ALLOWED - {"\r"}))) + "]*")
_OBSCURE = re.compile("[\u180e\u200b\u200c\u200d\u2060\ufeff\u00ad]")
_SPACES_BEFORE_NEWLINE = re.compile(r"(?<![^\S\n])[^\S\n]++(?=\n)")  # begun once a run, or a long run costs its square
_BLANK_LINES = re.compile(r"\n{3,}")


def tidy(text: str) -> str:
    """Normalise whitespace: one kind of newline, one blank line at most, nothing invisible, no loose ends."""
    text = _OBSCURE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _BLANK_LINES.sub("\n\n", _SPACES_BEFORE_NEWLINE.sub("", text)).strip()


def _downgraded(match: re.Match[str]) -> str:
    character = match[0]
    if character in _REPLACED:
        return _REPLACED[character]
    if unicodedata.combining(character):
        return ""
    bare = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    return bare if bare and all(part in ALLOWED for part in bare) else "?"


def downgrade(text: str) -> str:
    """Keep what networks carry; write the rest with the nearest plain characters, or `?`."""
    # Putting many marks in order costs their square; what is so long is no text message anyway.
    composed = unicodedata.normalize("NFC", text) if len(text) <= COMPOSED_CHARACTERS_MAX else text
    return _NOT_CARRIED.sub(_downgraded, composed)


def prepare(text: str) -> str:
    """Give the text as the person will read it (without the service's name in front)."""
    if _AS_IT_IS.fullmatch(text) and " \n" not in text and "\n\n\n" not in text:
        return text.strip()
    return tidy(downgrade(tidy(text)))


def with_prefix(text: str, service_name: str | None) -> str:
    """Put the service's name in front, where the service wants that."""
    return f"{downgrade(service_name)}: {text}" if service_name else text


def fragments(text: str) -> int:
    """Count the fragments a network bills for a prepared text, prefix included."""
    if any(character in WELSH for character in text):
        return 1 if len(text) <= 70 else -(-len(text) // 67)
    septets = len(text) + sum(character in GSM_EXTENDED for character in text)
    return 1 if septets <= 160 else -(-septets // 153)
