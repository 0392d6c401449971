"""The register behind a dataset, whatever it speaks: chosen by the scheme of its endpoint."""

from collections.abc import Mapping

from wallet.providers.base import Order, Record
from wallet.providers.rest import RestRegister
from wallet.providers.soap import SoapRegister, is_soap
from wallet.providers.table import CsvRegister, SqlRegister


class AnyRegister:
    """REST for `https:`, SOAP for `soap+https:`, a file for `csv:`, a query for `sql:`."""

    def __init__(self, *, rest: RestRegister, soap: SoapRegister, table: CsvRegister, sql: SqlRegister) -> None:
        self._rest, self._soap, self._table, self._sql = rest, soap, table, sql

    def fetch(self, order: Order, kinds: Mapping[str, str]) -> Record:
        """Return what the register says.  Raises: RegisterFailed and its kinds."""
        if is_soap(order.endpoint):
            return self._soap.fetch(order, kinds)
        if order.endpoint.startswith("csv:"):
            return self._table.fetch(order, kinds)
        if order.endpoint.startswith("sql:"):
            return self._sql.fetch(order, kinds)
        return self._rest.fetch(order, kinds)
