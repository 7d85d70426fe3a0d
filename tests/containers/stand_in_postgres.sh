# Stands in for the entry point of the official image of PostgreSQL: the part of its contract that
# docker-compose.yaml relies on.
set -eu
export PGDATA=/var/lib/postgresql/data
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    password=$(mktemp)
    printf %s "$POSTGRES_PASSWORD" > "$password"
    initdb --username="$POSTGRES_USER" --pwfile="$password" --auth-local=trust --encoding=UTF8 \
        --auth-host=scram-sha-256
    rm "$password"
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl start --wait --options "-c listen_addresses= -c unix_socket_directories=/tmp"
    createdb --host=/tmp --username="$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl stop --wait
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp,/var/run/postgresql
