"""Alembic's entry: see shared/migrations.py."""

from pay.models import Base
from shared import migrations

migrations.run(Base.metadata)
