"""Spanish and English are both complete, and say one thing one way."""

from pathlib import Path

import pytest

from tests.wording import ROOT, catalogue, missing, unused

SERVICES = [ROOT / name for name in ("identity", "notify", "pay", "wallet")]
SHARED = ROOT / "shared" / "web"


@pytest.mark.parametrize("service", SERVICES, ids=lambda folder: folder.name)
def test_everything_a_service_says_is_said_in_spanish(service: Path) -> None:
    assert missing(service, also=(SHARED,)) == []


def test_everything_the_shared_pages_say_is_said_in_spanish() -> None:
    assert missing(ROOT / "shared", also=(SHARED,)) == []
    assert unused(SHARED, ROOT / "shared") == []


@pytest.mark.parametrize("folder", [*SERVICES, SHARED], ids=lambda folder: folder.name)
def test_a_translation_keeps_the_places_of_its_values(folder: Path) -> None:
    assert [str(error) for message, errors in catalogue(folder, "es").check() if message.id for error in errors] == []


def test_one_message_has_one_translation_in_all_packages() -> None:
    """One word for one thing; where one English word has two meanings, pgettext tells them apart."""
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    clashes = []
    for folder in (SHARED, *SERVICES):
        for message in catalogue(folder, "es"):
            key, said = (str(message.id), message.context or ""), str(message.string)
            if message.id and seen.setdefault(key, (said, folder.name))[0] != said:
                clashes.append(f"{key[0]}: {seen[key]} and {(said, folder.name)}")
    assert clashes == []
