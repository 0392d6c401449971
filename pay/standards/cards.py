"""Card numbers: Luhn, brand, and what may be kept of them.

Spec: ISO/IEC 7812-1 annex B (Luhn); pay-api.md §6 (brand labels and codes), §16 (validation); pay-design.md §5 (never the number itself).
"""

from dataclasses import dataclass

MIN_DIGITS, MAX_DIGITS = 12, 19


@dataclass(frozen=True)
class Brand:
    """A card brand: `code` for searches and settings, `label` for answers."""

    code: str
    label: str


VISA = Brand("visa", "Visa")
MASTERCARD = Brand("master-card", "Mastercard")
AMERICAN_EXPRESS = Brand("american-express", "American Express")
DINERS_CLUB = Brand("diners-club", "Diners Club")
DISCOVER = Brand("discover", "Discover")
JCB = Brand("jcb", "Jcb")
UNION_PAY = Brand("unionpay", "Union Pay")
MAESTRO = Brand("maestro", "Maestro")

BRANDS = {brand.code: brand for brand in (VISA, MASTERCARD, AMERICAN_EXPRESS, DINERS_CLUB, DISCOVER, JCB, UNION_PAY, MAESTRO)}
LABEL_OF_PROVIDER = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "diners": "Diners Club",
    "unionpay": "Union Pay",
}
"""Labels by the names that providers use."""
LABELS = {brand.label: brand for brand in BRANDS.values()}
DEFAULT_BRANDS = tuple(code for code in BRANDS if code != MAESTRO.code)
"""The brands an account takes unless it says otherwise.  Spec: pay-api.md §18, last lines."""

# The first range that fits names the brand: (lowest prefix, highest prefix, lengths).
_RANGES: tuple[tuple[str, str, frozenset[int], Brand], ...] = (
    ("34", "34", frozenset({15}), AMERICAN_EXPRESS),
    ("37", "37", frozenset({15}), AMERICAN_EXPRESS),
    ("300", "305", frozenset(range(14, 20)), DINERS_CLUB),
    ("36", "36", frozenset(range(14, 20)), DINERS_CLUB),
    ("38", "39", frozenset(range(14, 20)), DINERS_CLUB),
    ("3528", "3589", frozenset(range(16, 20)), JCB),
    ("6011", "6011", frozenset(range(16, 20)), DISCOVER),
    ("644", "649", frozenset(range(16, 20)), DISCOVER),
    ("65", "65", frozenset(range(16, 20)), DISCOVER),
    ("62", "62", frozenset(range(16, 20)), UNION_PAY),
    ("5018", "5018", frozenset(range(12, 20)), MAESTRO),
    ("5020", "5020", frozenset(range(12, 20)), MAESTRO),
    ("5038", "5038", frozenset(range(12, 20)), MAESTRO),
    ("56", "58", frozenset(range(12, 20)), MAESTRO),
    ("67", "67", frozenset(range(12, 20)), MAESTRO),
    ("51", "55", frozenset({16}), MASTERCARD),
    # 15 digits too: the sandbox number 222100000000000 of §18 has them.
    ("2221", "2720", frozenset({15, 16}), MASTERCARD),
    ("4", "4", frozenset({13, 16, 18, 19}), VISA),
)


def luhn_valid(digits: str) -> bool:
    """Answer whether the last digit is the check digit of the others."""
    if not digits.isascii() or not digits.isdigit():
        return False
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def brand_of(digits: str) -> Brand | None:
    """Return the brand whose range and length a number fits, or None."""
    for low, high, lengths, brand in _RANGES:
        if low <= digits[: len(low)] <= high and len(digits) in lengths:
            return brand
    return None


def holds_card_number(text: str) -> bool:
    """Answer whether a text holds 12 digits or more: where people put a card number into the wrong field.  Spec: §16."""
    return sum(character.isdigit() for character in text) >= MIN_DIGITS
