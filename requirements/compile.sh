#!/bin/sh
# Writes the three hash-pinned locks from pyproject.toml; run it after changing a dependency.
set -eu
cd "$(dirname "$0")/.."
lock() {
  out=$1; shift
  .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
    --python-version 3.11 "$@" -o "requirements/$out"
}
lock run.txt pyproject.toml requirements/tools.in "$@"
lock dev.txt pyproject.toml requirements/tools.in --group dev -c requirements/run.txt "$@"
lock docs.txt --group docs -c requirements/run.txt "$@"
# uv installs the locks, so pip installs uv from a pin of its own.
awk '/^[A-Za-z0-9]/ { keep = /^uv==/ } keep' requirements/run.txt > requirements/uv.txt
