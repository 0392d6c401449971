"""The fields of the registration form, apart from what uses them: the help of the command needs nothing else."""

from collections.abc import Mapping

FIELDS: Mapping[str, str] = {
    "organisation": "Municipalidad de Quilpalín",
    "kind": "public",
    "contact_email": "equipo@example.com",
    "service": "Permiso de circulación",
    "purpose": "Pagar el permiso de circulación sin ir a la oficina.",
    "owner": "Marcela Ríos",
    "start_url": "https://permisos.example.com/",
    "redirect_uri": "https://permisos.example.com/callback",
}
"""What a team fills in, and what is taken when it does not."""
