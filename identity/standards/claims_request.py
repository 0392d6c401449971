"""The `claims` parameter: single claims, where they shall stand, with what value.  Spec: OpenID Connect Core §5.5, AZ-19."""

from collections.abc import Iterable, Mapping

from identity.errors import OAuthInvalidRequest
from identity.standards import identity_assurance, json_text

LENGTH_MAX, CLAIMS_MAX = 8 * 1024, 100
USERINFO, ID_TOKEN = "userinfo", "id_token"
PLACES = (USERINFO, ID_TOKEN)
ClaimsRequest = Mapping[str, object]


def parse(text: str | None) -> dict[str, object] | None:
    """Return the parameter as it came, once its form is right; unknown claims and members stay in it.  Raises: OAuthInvalidRequest."""
    if text is None:
        return None
    try:
        found = json_text.load(text, length_max=LENGTH_MAX)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise OAuthInvalidRequest("claims is not a JSON object")
    for place in PLACES:
        asked = found.get(place)
        if asked is not None and (not isinstance(asked, dict) or len(asked) > CLAIMS_MAX):
            raise OAuthInvalidRequest(f"claims: {place} is not an object")
        for name, wish in (asked or {}).items():
            _check_wish(name, wish)
    return found


def _check_wish(name: str, wish: object) -> None:
    if name == identity_assurance.NAME:
        identity_assurance.check(wish)
        return
    if wish is not None and not isinstance(wish, dict):
        raise OAuthInvalidRequest("claims: each claim is null or an object")
    members = wish or {}
    if not isinstance(members.get("essential", False), bool) or not isinstance(members.get("values", []), list):
        raise OAuthInvalidRequest("claims: essential is true or false, values a list")


def names_at(asked: ClaimsRequest | None, place: str) -> tuple[str, ...]:
    """Return the names of the claims asked for in one place."""
    found = (asked or {}).get(place)
    return tuple(found) if isinstance(found, dict) else ()


def element_at(asked: ClaimsRequest | None, place: str, name: str) -> object:
    """Return what is asked under a name in one place, of whatever form it is; None where nothing is."""
    found = (asked or {}).get(place)
    return found.get(name) if isinstance(found, dict) else None


def wish_for(asked: ClaimsRequest | None, place: str, name: str) -> Mapping[str, object]:
    """Return what is asked about one claim; empty when nothing is."""
    found = (asked or {}).get(place)
    wish = found.get(name) if isinstance(found, dict) else None
    return wish if isinstance(wish, dict) else {}


def wished_values(wish: Mapping[str, object]) -> tuple[str, ...]:
    """Return the texts of `value` or `values`, best first."""
    values = wish.get("values")
    candidates: Iterable[object] = values if isinstance(values, list) else (wish.get("value"),)
    return tuple(value for value in candidates if isinstance(value, str))
