#!/bin/sh
# Pin the packages of each environment, with hashes, for every Python from 3.11 on.
# Usage: scripts/pin.sh UV
set -eu
cd "$(dirname "$0")/.."
uv=$1

# pin FILE ARGUMENTS: what the arguments ask for goes to requirements/FILE.
# No address of a registry and no path of this machine may end up in it.
pin() {
    file=requirements/$1
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
        --no-header --no-annotate --output-file "$file" "$@"
    if grep --line-number --extended-regexp '://|^-|^ *#|@ ' "$file"; then
        echo "$file has an address, an option or a comment" >&2
        exit 1
    fi
}

project='pyproject.toml --extra progress --group build'
# The largest first: the others take its versions, so that all environments agree.
pin check.txt $project --group check
pin test.txt $project --group test --constraint requirements/check.txt
pin run.txt $project --constraint requirements/check.txt
pin bench.txt $project --group bench --group peers --constraint requirements/check.txt
pin lock.txt --group lock
pin virtualenv.txt --group virtualenv
