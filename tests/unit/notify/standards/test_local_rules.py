"""Numbers and addresses by Chile's rules, beside those of the published contract.  Spec: notify-api §16, §17; issue: region and scheme."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.standards.phone_number import InvalidPhoneNumber, PhoneNumber, phone_number
from notify.standards.postal_address import Address, InvalidAddress, postal_address

pytestmark = pytest.mark.rule("notify", "§16", "§17")
HOME = PhoneNumber("56912345678", "56", international=False)


@pytest.mark.parametrize(
    "text",
    ["912345678", "9 1234 5678", "56912345678", "+56 9 1234 5678", "0056912345678", "09 1234 5678", "(9) 1234-5678", "+56\u200b912345678"],
)
def test_a_chilean_mobile_however_it_is_written(text: str) -> None:
    assert phone_number(text, "CL") == HOME
    assert HOME.multiplier == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("12345678", "Not enough digits"),
        ("91234567", "Not enough digits"),
        ("9123456789", "Too many digits"),
        ("9 1234 567a", "Must not contain letters or symbols"),
        ("", "Not enough digits"),
        ("012345678", "Not enough digits"),
        ("100000000", "Number is not valid – double check the phone number you entered"),
        ("+4477009", "Not enough digits"),
    ],
)
def test_what_is_no_number_is_refused_in_the_contracts_words(text: str, message: str) -> None:
    with pytest.raises(InvalidPhoneNumber) as refused:
        phone_number(text, "CL")
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "e164"), [("+447700900003", "447700900003"), ("00447700900003", "447700900003"), ("+12025550123", "12025550123")]
)
def test_other_countries_are_abroad(text: str, e164: str) -> None:
    number = phone_number(text, "CL")
    assert (number.e164, number.international) == (e164, True)


def test_a_landline_says_so() -> None:
    assert phone_number("22 123 4567", "CL") == PhoneNumber("56221234567", "56", international=False, landline=True)


@given(st.text(alphabet="0123456789+ ()-.", max_size=20), st.sampled_from(["GB", "CL"]))
def test_a_number_in_its_stored_form_reads_the_same_by_both_rules(text: str, region: str) -> None:
    try:
        number = phone_number(text, region)
    except InvalidPhoneNumber:
        return
    assert number.e164.isdigit()
    assert number.e164.startswith(number.prefix)
    for other in ("GB", "CL"):
        assert phone_number("+" + number.e164, other).e164 == number.e164


def lines(*texts: str) -> dict[str, object]:
    return {f"address_line_{number}": line for number, line in enumerate(texts, 1)}


@pytest.mark.parametrize(
    ("last", "printed"),
    [
        ("Quilpalín", "Quilpalín"),
        ("8320000 Santiago", "8320000 Santiago"),
        ("Santiago, 832-0000", "8320000 Santiago"),
        ("832 0000, Viña del Mar", "8320000 Viña del Mar"),
        ("O'Higgins", "O'Higgins"),
    ],
)
def test_an_address_ends_with_a_comuna(last: str, printed: str) -> None:
    assert postal_address(lines("Camila Soto", "Los Aromos 12", last), scheme="cl") == Address(("Camila Soto", "Los Aromos 12", printed))
    same = postal_address(lines("Camila Soto", "Los Aromos 12", last, "Chile"), scheme="cl")
    assert same.lines[-1] == printed


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("Camila Soto", "Quilpalín"), "Address must be at least 3 lines"),
        (("Camila", "-", "Quilpalín"), "The first 2 lines of the address must both include at least one alphanumeric character"),
        (("Camila", "Calle 1", "12345"), "Last line of address must be a comuna, with or without its postal code, or another country"),
        (
            ("Camila", "Calle 1", "83200 Santiago"),
            "Last line of address must be a comuna, with or without its postal code, or another country",
        ),
        (("Camila", "Sin domicilio fijo", "Santiago"), "Must be a real address"),
        (
            ("@Camila", "Calle 1", "Santiago"),
            "Address lines must not start with any of the following characters: @ ( ) = [ ] ” \\ / , < >",
        ),
    ],
)
def test_an_address_that_cannot_be_posted_is_refused(texts: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidAddress) as refused:
        postal_address(lines(*texts), scheme="cl")
    assert str(refused.value) == message


def test_abroad_is_abroad_and_needs_the_permission() -> None:
    address = lines("John Smith", "1 High Street", "Perú")
    assert postal_address(address, scheme="cl") == Address(
        ("John Smith", "1 High Street", "Peru"), international=True, postage="rest-of-world"
    )
    with pytest.raises(InvalidAddress):
        postal_address(address, scheme="cl", allow_international=False)


@given(st.lists(st.text(max_size=40), max_size=8), st.sampled_from(["uk", "cl"]))
def test_whatever_is_written_is_an_address_or_a_refusal(texts: list[str], scheme: str) -> None:
    try:
        address = postal_address(lines(*texts), scheme=scheme)
    except InvalidAddress:
        return
    assert 3 <= len(address.lines) <= 7
    assert all(line == line.strip() and line for line in address.lines)
