"""Alembic's entry: see shared/migrations.py."""

from notify.models import Base
from shared import migrations

migrations.run(Base.metadata)
