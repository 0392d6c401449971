"""A text as the parts that a network carries: bytes, coding and the header that joins them.  Spec: 3GPP TS 23.038, 23.040 §9.2.3.24.1."""

from dataclasses import dataclass

from notify.standards.sms_text import WELSH

GSM_7BIT = 0
UCS2 = 8
_TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_CODES = {character: bytes([code]) for code, character in enumerate(_TABLE)} | {
    character: bytes([0x1B, code])
    for character, code in {"^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F, "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40, "€": 0x65}.items()
}
_SINGLE = {GSM_7BIT: 160, UCS2: 140}
_JOINED = {GSM_7BIT: 153, UCS2: 134}
PARTS_MAX = 255


@dataclass(frozen=True)
class Parts:
    """`bodies` with their headers where there are several; `has_header` sets the UDHI bit."""

    coding: int
    bodies: tuple[bytes, ...]

    @property
    def has_header(self) -> bool:
        """True when each body begins with the header that joins it to the others."""
        return len(self.bodies) > 1


def split(text: str, reference: int) -> Parts:
    """Split a prepared text; no character is cut in two.  Raises: ValueError for what cannot be sent at all."""
    coding = UCS2 if any(character in WELSH for character in text) else GSM_7BIT
    if coding == GSM_7BIT and any(character not in _CODES for character in text):
        raise ValueError("a character that no network carries")
    units = [_CODES[character] if coding == GSM_7BIT else character.encode("utf-16-be") for character in text]
    if sum(map(len, units)) <= _SINGLE[coding]:
        return Parts(coding, (b"".join(units),))
    pieces: list[bytearray] = [bytearray()]
    for unit in units:
        if len(pieces[-1]) + len(unit) > _JOINED[coding]:
            pieces.append(bytearray())
        pieces[-1] += unit
    if len(pieces) > PARTS_MAX:
        raise ValueError("too many parts")
    header = bytes([5, 0, 3, reference % 256, len(pieces)])
    return Parts(coding, tuple(header + bytes([number]) + bytes(piece) for number, piece in enumerate(pieces, 1)))
