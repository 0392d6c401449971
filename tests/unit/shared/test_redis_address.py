import pytest

from shared.redis_address import Watched


def test_an_address_behind_sentinels_is_read() -> None:
    place = Watched.parse("sentinel://who:p%40ss@one,two:26400/main/3")
    assert (place.sentinels, place.name, place.database) == ((("one", 26379), ("two", 26400)), "main", 3)
    assert (place.username, place.password) == ("who", "p@ss")
    assert "p@ss" not in repr(place)


@pytest.mark.parametrize(
    "address", ["sentinel://one:26379", "sentinel:///main/0", "sentinel://one:many/main/0", "sentinel://one/main/first"]
)
def test_an_address_that_names_nothing_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"names no|invalid literal"):
        Watched.parse(address)
