"""Alembic's way into the wallet's history."""

from shared import migrations
from wallet.models import Base

migrations.run(Base.metadata)
