#!/bin/sh
# First start of the PostgreSQL container: the database and its two roles, neither a superuser.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -v owner="$OWNER_DB_PASSWORD" -v app="$APP_DB_PASSWORD" <<'SQL'
create role parcfolio_owner login nosuperuser nobypassrls password :'owner';
create role parcfolio_app login nosuperuser nobypassrls password :'app';
create database parcfolio owner parcfolio_owner template template0 encoding 'UTF8';
revoke all on database parcfolio from public;
grant connect, temporary on database parcfolio to parcfolio_app;
SQL
