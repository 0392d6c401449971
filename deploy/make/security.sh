#!/bin/sh
# Looks for insecure code, known weaknesses of what we depend on, and secrets; writes the software bill of materials.
# Usage: sh deploy/make/security.sh        (the tools live in var/tools, outside the product's environment)
set -eu

python=var/tools/bin/python
if ! "$python" -c 'import pip_audit, cyclonedx_py' 2>/dev/null; then
    mkdir -p var
    python3 -m venv var/tools
    "$python" -m pip --disable-pip-version-check --quiet install pip-audit cyclonedx-bom
fi

echo "bandit: insecure code (what ruff's S rules exempt has its reason beside it)"
.venv/bin/bandit -q -ll -c pyproject.toml -r identity notify pay wallet shared deploy

echo "secrets: keys and passwords in tracked files"
.venv/bin/python -m pytest -q tests/tidy/test_secrets.py

mkdir -p var
"$python" -m cyclonedx_py requirements --pyproject pyproject.toml requirements/runtime.txt --output-reproducible -o var/sbom.cdx.json 2>/dev/null
echo "SBOM: var/sbom.cdx.json"

echo "pip-audit: known weaknesses of the locked packages"
"$python" -m pip_audit --disable-pip --require-hashes -r requirements/runtime.txt
