"""By which country's rules a service's numbers and addresses are read.  The published contract's are those of the United Kingdom."""

from dataclasses import dataclass
from types import MappingProxyType

NUMBER_REGIONS = ("GB", "CL")
ADDRESS_SCHEMES = ("uk", "cl")


@dataclass(frozen=True)
class LocalRules:
    """`number_region`: whose numbers may be written without the country's prefix; `address_scheme`: how a letter's address ends."""

    number_region: str = "GB"
    address_scheme: str = "uk"


UNITED_KINGDOM = LocalRules()
CHILE = LocalRules("CL", "cl")
COUNTRIES = MappingProxyType({"GB": UNITED_KINGDOM, "CL": CHILE})
