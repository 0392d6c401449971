"""The routes of activation, recovery, the service register's pages, and the consoles of staff."""

from identity.routes import activate, assist, catalogue, office, operator, recover, team, team_persons

CONSOLES = tuple(module.routes for module in (activate, recover, catalogue, team, team_persons, office, assist, operator))
