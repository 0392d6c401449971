"""Companies that people act for, as the company register knows them (§4.1)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import Base


class Company(Base):
    """A company: its RUT (written like a RUN) and its name are public."""

    __tablename__ = "companies"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    rut: Mapped[str] = mapped_column(String(12), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class CompanySubject(Base):
    """The pairwise `sub` of a company in a sector: this table is the truth (RP-2)."""

    __tablename__ = "company_subjects"

    company_id: Mapped[UUID] = mapped_column(ForeignKey("companies.id"), primary_key=True)
    sector: Mapped[str] = mapped_column(String(255), primary_key=True)
    sub: Mapped[str] = mapped_column(String(255), unique=True)
    key_version: Mapped[str] = mapped_column(String(20))


class CompanyLook(Base):
    """When the registers were last asked whom a person acts for, of companies and others, and all answered."""

    __tablename__ = "company_looks"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    looked_at: Mapped[datetime]


class CompanyMark(Base):
    """The number of the last event that was taken over, one row a register: 1 of companies, 2 of families, 3 of courts."""

    __tablename__ = "company_marks"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
