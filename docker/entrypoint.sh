#!/bin/sh
# Hand the database password from its secret file to libpq, then become the command.
set -eu
if [ -n "${SKYLIKE_DATABASE_PASSWORD_FILE:-}" ]; then
    if [ ! -r "$SKYLIKE_DATABASE_PASSWORD_FILE" ]; then
        echo "The database password file cannot be read by uid $(id -u): make it mode 0644 inside a folder of mode 0700." >&2
        exit 1
    fi
    PGPASSWORD="$(cat "$SKYLIKE_DATABASE_PASSWORD_FILE")"
    export PGPASSWORD
fi
exec "$@"
