#!/bin/sh
# Runs the tests; those in a browser, of Apache and of the image too where their tools are here or may be installed.
# With CI=true a missing tool is a failure.
# Usage: sh deploy/make/test.sh [arguments of pytest]
set -eu

works() { command -v "$1" >/dev/null 2>&1 && "$1" --version >/dev/null 2>&1; }

find_browser() {
    for name in "${ANDAMIO_CHROMIUM:-}" chromium chromium-browser google-chrome "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
        if [ -n "$name" ] && works "$name"; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

# install PACKAGES…: from Debian, where this may.
install() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing $* for the tests …" >&2
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null 2>&1 || true
    fi
}

# leave_out MARKER WHAT PACKAGES: says so, and fails under CI.
without=
leave_out() {
    if [ "${CI:-}" = true ]; then
        echo "andamio: $2 need what could not be installed here: install it (on Debian: apt-get install $3)." >&2
        exit 1
    fi
    echo "andamio: $2 are left out; to run them: sudo apt-get install $3, then make test." >&2
    without="${without:+$without and }not $1"
}

browser=$(find_browser) || install chromium
if browser=$(find_browser); then
    export ANDAMIO_CHROMIUM="$browser"
else
    leave_out browser "The browser tests" chromium
fi

can_build() { [ "$(id -u)" = 0 ] && command -v buildah >/dev/null 2>&1 && command -v debootstrap >/dev/null 2>&1 && command -v nginx >/dev/null 2>&1 && command -v pgbouncer >/dev/null 2>&1 && [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] && command -v promtool >/dev/null 2>&1; }
can_build || install buildah debootstrap nginx-light pgbouncer rabbitmq-server prometheus
can_build || leave_out image "The tests of the image, the edge, the pooler, RabbitMQ and the alerts (as root)" "buildah debootstrap nginx-light pgbouncer rabbitmq-server prometheus"

has_apache() { command -v apache2 >/dev/null 2>&1 && [ -e /usr/lib/apache2/modules/mod_auth_openidc.so ]; }
has_apache || install apache2 libapache2-mod-auth-openidc
has_apache || leave_out apache "The test of Apache with mod_auth_openidc" "apache2 libapache2-mod-auth-openidc"

if [ -n "$without" ]; then set -- -m "$without" "$@"; fi
exec .venv/bin/python -m pytest -q -n "${WORKERS:-2}" --dist worksteal "$@"
