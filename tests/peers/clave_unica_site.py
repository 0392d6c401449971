"""A Django site with the published package django-clave-unica, as its authors wrote it; only the names of its host lead elsewhere.

Reads JSON lines from standard input: {"open": path} with the site's own paths; answers with status, location and who is signed in.
"""

import json
import os
import socket
import sys

PORT = int(os.environ["IDENTITY_PORT"])
look_up = socket.getaddrinfo


def aliased(host, port, *arguments, **named):
    """Stand in for three lines of /etc/hosts, and for the port that only root may have."""
    if isinstance(host, str) and host.endswith(".claveunica.gob.cl") and port == 443:
        return look_up("127.0.0.1", PORT, *arguments, **named)
    return look_up(host, port, *arguments, **named)


socket.getaddrinfo = aliased

import django  # noqa: E402 - names are led elsewhere first
from django.conf import settings  # noqa: E402

settings.configure(
    SECRET_KEY="only for this test",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="clave_unica_auth.urls",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "clave_unica_auth"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
    CLAVE_UNICA={
        "CLIENT_ID": os.environ["CLIENT_ID"],
        "CLIENT_SECRET": os.environ["CLIENT_SECRET"],
        "REDIRECT_URI": os.environ["REDIRECT_URI"],
    },
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

call_command("migrate", verbosity=0)
browser = Client()
for line in sys.stdin:
    answer = browser.get(json.loads(line)["open"])
    users = [[user.username, user.first_name, user.last_name, user.email] for user in User.objects.all()]
    text = "" if answer.status_code == 302 else answer.content.decode()[:2000]
    shown = {"status": answer.status_code, "location": answer.headers.get("Location", ""), "users": users, "text": text}
    sys.stdout.write(json.dumps(shown) + "\n")
    sys.stdout.flush()
