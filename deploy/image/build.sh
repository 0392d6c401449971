#!/bin/sh
# Builds the image without a Docker engine and without an image registry: a base made by debootstrap, buildah in chroot isolation.
# Needs root, Debian's debootstrap and buildah, and the package indexes that this machine uses.  Prints the image's id.
# Usage: sh deploy/image/build.sh FOLDER [TAG]        (FOLDER keeps buildah's store; BASE=image skips debootstrap)
set -eu

folder=$1
tag=${2:-andamio}
here=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$folder"

# The overlay driver needs a file system that not every machine has.
build() { buildah --storage-driver vfs --root "$folder/store" --runroot "$folder/run" "$@"; }

fail() {
    echo "andamio: $1" >&2
    exit 1
}

for tool in buildah debootstrap; do
    command -v "$tool" >/dev/null 2>&1 || [ -n "${BASE:-}" ] || fail "$tool is needed: apt-get install buildah debootstrap"
done

if [ -z "${BASE:-}" ]; then
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(CODENAME)' 'Created-By: Packages' | awk -v c="$codename" '$2 == "Debian" && $3 == c { print $1; exit }')
    [ -n "$mirror" ] || fail "no Debian mirror is set up here: name a base image with BASE=…"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$codename" "$folder/base" "$mirror" >"$folder/debootstrap.log" 2>&1 \
        || fail "the base could not be made: see $folder/debootstrap.log"
    rm -rf "$folder"/base/var/cache/apt/* "$folder"/base/var/lib/apt/lists/*
    container=$(build from scratch)
    build copy -q "$container" "$folder/base" / >/dev/null
    build commit -q "$container" andamio-base >/dev/null
    build rm "$container" >/dev/null
    rm -rf "$folder/base"
    BASE=localhost/andamio-base
fi

# How this machine reaches the package index is not the image's business, so it is lent for the build alone.
set --
for file in /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    if [ -f "$file" ]; then set -- "$@" --volume "$file:$file:ro"; fi
done
build bud -q --isolation chroot --layers=false --build-arg BASE="$BASE" "$@" -f "$here/deploy/image/Dockerfile" -t "$tag" "$here" 2>"$folder/build.log" \
    || { tail -5 "$folder/build.log" >&2; fail "the image could not be built: see $folder/build.log"; }
