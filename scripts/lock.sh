#!/bin/sh
# Writes the hash-pinned requirement files; `UPGRADE=1 make lock` takes the newest versions that pyproject.toml allows.
set -eu
cd "$(dirname "$0")/.."

compile() {
    output="requirements/$1"
    shift
    [ -z "${UPGRADE:-}" ] || set -- "$@" --upgrade
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --custom-compile-command "make lock" --output-file "$output" "$@"
    echo "$output"
}

compile runtime.txt pyproject.toml
compile dev.txt pyproject.toml --group dev --constraint requirements/runtime.txt
for name in bootstrap fallback-node fallback-postgresql fallback-redis; do
    compile "$name.txt" "requirements/$name.in"
done
