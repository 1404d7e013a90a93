#!/bin/bash
# One server locally, one database and two roles per service; runs once, on an empty volume.
# parley_<service> logs in and owns the database; parley_<service>_api cannot log in: the service
# switches to it for requests, so that row-level security applies to them.
set -euo pipefail

for service in gateway whatsapp google crm agent; do
    variable="${service^^}_DB_PASSWORD"
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set role="parley_$service" --set api="parley_${service}_api" \
        --set password="${!variable:?is not set}" <<'SQL'
create role :"role" login password :'password';
create role :"api" nologin;
grant :"api" to :"role";
create database :"role" owner :"role" template template0;
revoke all on database :"role" from public;
SQL
done
