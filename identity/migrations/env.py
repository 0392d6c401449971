"""Alembic's entry; the body is shared."""

from identity.models import metadata
from shared import migrations

migrations.run(metadata)
