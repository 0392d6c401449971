#!/bin/sh
# Makes .venv and installs exactly what requirements/<kind>.txt locks.  Instant when nothing changed; one at a time in a folder.
# Usage: sh deploy/make/environment.sh sandbox|dev      (PYTHON names the interpreter to use)
set -eu

kind=$1
lock=requirements/$kind.txt

fail() {
    echo "andamio: $1" >&2
    exit 1
}

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14 /usr/bin/python3; do
        if fits "$name"; then
            command -v "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is needed and was not found: install it (on Debian or Ubuntu: apt-get install python3 python3-venv), or name it with PYTHON=…"
}

case $(uname -s) in
Linux | Darwin) ;;
*) fail "this runs on Linux and macOS; on Windows use the Windows Subsystem for Linux (WSL 2)." ;;
esac
if ldd --version 2>&1 | grep -qi musl; then
    fail "this Linux uses musl, for which the embedded engines and some libraries have no packages: use one with glibc, such as Debian or Ubuntu."
fi

# dev holds all of sandbox, so a current dev environment serves both.
wanted() { cat "requirements/$1.txt" pyproject.toml | cksum; }
current() { [ "$(cat ".venv/.installed-$1" 2>/dev/null)" = "$(wanted "$1")" ]; }
works() { .venv/bin/python -c '' 2>/dev/null; }
if works && { current dev || current "$kind"; }; then exit 0; fi

# Whoever comes second waits, and mostly finds that everything is done.  The system lets go of the lock when its holder dies.
if [ -z "${ANDAMIO_HOLDS_LOCK:-}" ]; then
    if works; then python=.venv/bin/python; else python=$(find_python); fi
    ANDAMIO_HOLDS_LOCK=1 exec "$python" -c '
import fcntl, os, sys
try:
    lock = open(".venv.lock", "a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("andamio: another installation is under way in this folder: waiting for its end …", file=sys.stderr, flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
except OSError as fault:
    sys.exit(f"andamio: .venv.lock cannot be used ({fault.strerror}): is this folder one that can be written to?")
except KeyboardInterrupt:
    sys.exit(130)
os.set_inheritable(lock.fileno(), True)
os.execvp("sh", ["sh", *sys.argv[1:]])
' "$0" "$kind"
fi

if ! works; then
    rm -rf .venv
    python=$(find_python)
    "$python" -c 'import venv, ensurepip' 2>/dev/null || fail "$python has no venv module: install it (on Debian or Ubuntu: apt-get install python3-venv)."
    "$python" -m venv .venv || fail "the virtual environment .venv could not be made: see above."
fi

echo "Installing what $lock locks …" >&2
rm -f .venv/.installed-*
install() { .venv/bin/python -m pip --disable-pip-version-check --quiet install --use-pep517 "$@"; }
install --require-hashes -r "$lock" || fail "the packages of $lock could not be installed: see above; is the package index reachable, and is there room on the disk?"
install --no-deps --no-build-isolation --no-index -e . || fail "the project itself could not be installed into .venv: see above."
wanted "$kind" >".venv/.installed-$kind"
