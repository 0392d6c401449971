"""By which country's rules a service's numbers and addresses are read and written.  The published contract's are the United Kingdom's."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from zoneinfo import ZoneInfo

from notify.standards.personalisation import same_key
from shared.run import InvalidRun, parse_run

BRITISH_CLOCK = ZoneInfo("Europe/London")
RUN_KEYS = frozenset({"run", "rut"})

NUMBER_REGIONS = ("GB", "CL")
ADDRESS_SCHEMES = ("uk", "cl")


@dataclass(frozen=True)
class LocalRules:
    """`number_region`: whose numbers may be written without the country's prefix; `address_scheme`: how a letter's address ends."""

    number_region: str = "GB"
    address_scheme: str = "uk"

    def post_clock(self, here: ZoneInfo) -> ZoneInfo:
        """Give the clock that the post goes by: the British one, or the one where people are."""
        return BRITISH_CLOCK if self.address_scheme == "uk" else here

    def written(self, values: Mapping[str, object]) -> dict[str, object]:
        """Give a message's values as people here write them: by Chile's rules a RUN is `12.345.678-5`, however the service sent it."""
        if self.number_region != "CL":
            return dict(values)
        return {key: _shown_run(value) if same_key(key) in RUN_KEYS else value for key, value in values.items()}


def _shown_run(value: object) -> object:
    with suppress(InvalidRun):
        return parse_run(str(value)).shown if isinstance(value, str | int) else value
    return value


UNITED_KINGDOM = LocalRules()
CHILE = LocalRules("CL", "cl")
COUNTRIES = MappingProxyType({"GB": UNITED_KINGDOM, "CL": CHILE})
