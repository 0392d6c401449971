"""The directory: which body holds which fact, and what may be asked of it.  Spec: wallet contract §8.3 X1, §2; WA-13, WA-19."""

from dataclasses import dataclass

from sqlalchemy import select

from wallet.context import Wallet
from wallet.models.base import in_language
from wallet.models.dataset import Dataset, Field
from wallet.models.organisation import Client, Organisation, organisation_names
from wallet.models.procedure import Procedure
from wallet.models.purpose import Purpose


@dataclass(frozen=True)
class Holding:
    """One field that one body holds."""

    dataset: Dataset
    org_name: str
    field: Field


def find_holdings(wallet: Wallet, *, concept: str | None = None, text: str | None = None) -> list[Holding]:
    """Return the fields of active datasets whose concept is the one named (an IRI or its last part), or whose words hold a text."""
    with wallet.reading() as tx:
        datasets = list(tx.session.scalars(select(Dataset).where(Dataset.status == "active").order_by(Dataset.dataset_id)))
        names = organisation_names(tx.session, {one.org_id for one in datasets})
    found = [Holding(one, names.get(one.org_id, one.org_id), field) for one in datasets for field in one.listed().values()]
    if concept:
        wanted = concept.rpartition("#")[2].casefold()
        found = [one for one in found if one.field.dpv_category.rpartition("#")[2].casefold() == wanted or one.field.field_id == concept]
    if text:
        found = [one for one in found if text.casefold() in _words(one)]
    return found


def datasets_to_ask(wallet: Wallet, org_ids: list[str]) -> list[tuple[Dataset, str]]:
    """Return the datasets in force of other bodies than these, each with its body's name."""
    with wallet.reading() as tx:
        statement = select(Dataset).where(Dataset.status == "active", Dataset.org_id.not_in(org_ids)).order_by(Dataset.dataset_id)
        rows = list(tx.session.scalars(statement))
        names = organisation_names(tx.session, {one.org_id for one in rows})
    return [(one, names.get(one.org_id, one.org_id)) for one in rows]


def list_purposes(wallet: Wallet) -> list[Purpose]:
    """Return the purposes in force: a closed list."""
    with wallet.reading() as tx:
        return list(tx.session.scalars(select(Purpose).where(Purpose.status == "active").order_by(Purpose.purpose_id)))


def list_procedures(wallet: Wallet) -> list[Procedure]:
    """Return the procedures."""
    with wallet.reading() as tx:
        return list(tx.session.scalars(select(Procedure).order_by(Procedure.code)))


def _words(holding: Holding) -> str:
    texts = [*holding.field.title.values(), *holding.dataset.title.values(), *holding.dataset.description.values(), holding.org_name]
    return " ".join([*texts, holding.field.field_id]).casefold()


def body_names(wallet: Wallet) -> dict[str, str]:
    """Return the name of each body that may ask for data."""
    with wallet.reading() as tx:
        statement = select(Organisation.org_id, Organisation.name).join(Client, Client.org_id == Organisation.org_id).distinct()
        return {row.org_id: row.name for row in tx.session.execute(statement.order_by(Organisation.name))}


def dataset_titles(wallet: Wallet, lang: str) -> dict[str, str]:
    """Return the title of each active dataset."""
    with wallet.reading() as tx:
        rows = tx.session.scalars(select(Dataset).where(Dataset.status == "active").order_by(Dataset.dataset_id))
        return {row.dataset_id: in_language(row.title, lang) for row in rows}
