"""The tables of days are made and dropped by functions of the owner's, so that the service itself needs no right to do so."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_MAKE = """
CREATE FUNCTION days.make_day(parent text, name text, lower uuid, upper uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF parent NOT IN ('notifications', 'letter_files') OR name !~ ('^' || parent || '_d[0-9]{8}$') THEN
        RAISE EXCEPTION 'not a table of a day: %', name;
    END IF;
    EXECUTE format('CREATE TABLE days.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)', name, parent, lower, upper);
END $$
"""
_DROP = """
CREATE FUNCTION days.drop_day(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF name !~ '^(notifications|letter_files)_d[0-9]{8}$' THEN
        RAISE EXCEPTION 'not a table of a day: %', name;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS days.%I', name);
END $$
"""


def upgrade() -> None:
    op.execute(_MAKE)
    op.execute(_DROP)


def downgrade() -> None:
    op.execute("DROP FUNCTION days.drop_day(text)")
    op.execute("DROP FUNCTION days.make_day(text, text, uuid, uuid)")
