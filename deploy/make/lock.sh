#!/bin/sh
# Renews the lock files.  They hold versions and hashes and name no package index.
# Usage: sh deploy/make/lock.sh [--upgrade]
set -eu

uv=uv
if ! "$uv" --version >/dev/null 2>&1; then
    uv=var/tools/bin/uv
    if [ ! -x "$uv" ]; then
        mkdir -p var
        python3 -m venv var/tools
        var/tools/bin/python -m pip --disable-pip-version-check --quiet install uv
    fi
fi

compile() {
    output=requirements/$1.txt
    shift
    "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
        pyproject.toml --output-file "$output" "$@"
}

compile runtime "$@"
compile sandbox --extra sandbox "$@"
compile dev --extra dev "$@"
if grep -nE 'https?://|--(extra-)?index-url|--find-links' requirements/*.txt; then
    echo "andamio: a lock file names a place to download from: see above." >&2
    exit 1
fi
