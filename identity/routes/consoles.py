"""The routes of activation, recovery, the service register's pages, and the consoles of staff."""

from identity.routes import (
    activate,
    assist,
    catalogue,
    office,
    operator,
    operator_announcements,
    operator_jobs,
    recover,
    team,
    team_checks,
    team_persons,
)

CONSOLES = tuple(
    module.routes
    for module in (
        activate,
        recover,
        catalogue,
        team,
        team_checks,
        team_persons,
        office,
        assist,
        operator,
        operator_announcements,
        operator_jobs,
    )
)
