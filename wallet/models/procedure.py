"""Procedures: the administrative matters for which data are asked.  Spec: wallet contract §1 L3, L8, L10."""

from sqlalchemy.orm import Mapped, mapped_column

from wallet.models.base import Base, Stamped


class Procedure(Stamped, Base):
    """One kind of matter; `instead` tells a person who refuses what to bring."""

    __tablename__ = "procedures"

    code: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    title: Mapped[dict[str, str]]
    instead: Mapped[dict[str, str]]
    law_reference: Mapped[str]
