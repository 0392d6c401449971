"""The routes of activation, recovery, the service register's pages, and the consoles of staff."""

from identity.routes import activate, assist, catalogue, office, operator, recover, team

CONSOLES = tuple(module.routes for module in (activate, recover, catalogue, team, office, assist, operator))
