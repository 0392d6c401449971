#!/bin/sh
# Runs the tests; those in a browser too where there is one.  With CI=true a missing browser is a failure.
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

if ! browser=$(find_browser); then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing Chromium for the browser tests …" >&2
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 || true
    fi
    browser=$(find_browser) || browser=
fi

if [ -n "$browser" ]; then
    export ANDAMIO_CHROMIUM="$browser"
elif [ "${CI:-}" = true ]; then
    echo "andamio: the browser tests need Chromium and it could not be installed: install it (on Debian: apt-get install chromium)." >&2
    exit 1
else
    echo "andamio: no Chromium here, so the browser tests are left out; to run them: sudo apt-get install chromium, then make test." >&2
    set -- -m "not browser" "$@"
fi

exec .venv/bin/python -m pytest -q -n "${WORKERS:-2}" --dist worksteal "$@"
