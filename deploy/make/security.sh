#!/bin/sh
# Looks for insecure code, secrets and known weaknesses of what we depend on; writes the software bill of materials.
# The tests look for the first two as well; what is known of the packages changes by the day, and is asked for over the network.
# Usage: sh deploy/make/security.sh
set -eu

python=.venv/bin/python

echo "Insecure code (what ruff's S rules exempt has its reason beside it); keys and passwords in tracked files"
"$python" -m pytest -q tests/tidy/test_secrets.py tests/tidy/test_tools.py -k 'secrets or bandit'

mkdir -p var
"$python" -m cyclonedx_py requirements --pyproject pyproject.toml requirements/runtime.txt --output-reproducible -o var/sbom.cdx.json 2>/dev/null
echo "SBOM: var/sbom.cdx.json"

echo "pip-audit: known weaknesses of the locked packages"
"$python" -m pip_audit --disable-pip --require-hashes -r requirements/runtime.txt
