#!/bin/sh
# Make the secrets of deploy/compose.yaml: passwords, addresses with them, a first key and a first user of the UI.
#   sh deploy/new-secrets.sh [FOLDER]
# What is there already is left as it is. The folder is closed to others; its files can be read by whoever is in it, as
# the users inside of the containers are.
set -eu
folder=${1:-$(dirname "$0")/secrets}
if [ -e "$folder/postgres_password" ]; then
  echo "The secrets in $folder are there already, and are left as they are." >&2
  exit 0
fi
if ! command -v openssl >/dev/null 2>&1; then
  echo "openssl is needed and was not found: install it, then try again." >&2
  exit 1
fi
umask 077
mkdir -p "$folder"
# It may have been there, open to all.
chmod 0700 "$folder"
part=$(mktemp -d "$folder/.part.XXXXXX")
trap 'rm -rf "$part"' EXIT

secret() { openssl rand -hex 24; }
# Hexadecimal: such a password needs no quotes, neither in SQL nor in an address.
owner=$(secret) pipeline=$(secret) web=$(secret) dagster=$(secret) ui=$(secret) key=$(secret)
cat > "$part/postgres_users.sql" <<SQL
CREATE USER milk_owner PASSWORD '$owner';
CREATE DATABASE milk OWNER milk_owner;
CREATE USER dagster PASSWORD '$dagster';
CREATE DATABASE dagster OWNER dagster;
CREATE ROLE milk_publisher NOLOGIN;
CREATE ROLE milk_reader NOLOGIN;
CREATE ROLE milk_online NOLOGIN;
CREATE USER milk_pipeline PASSWORD '$pipeline' IN ROLE milk_publisher;
CREATE USER milk_web PASSWORD '$web' IN ROLE milk_online;
REVOKE CONNECT ON DATABASE milk FROM PUBLIC;
REVOKE CONNECT ON DATABASE dagster FROM PUBLIC;
GRANT CONNECT ON DATABASE milk TO milk_pipeline, milk_web;
\connect milk
GRANT USAGE, CREATE ON SCHEMA public TO milk_owner;
SQL
echo "postgresql+psycopg://milk_owner:$owner@postgres:5432/milk" > "$part/owner_store_url"
echo "postgresql+psycopg://milk_pipeline:$pipeline@postgres:5432/milk" > "$part/pipeline_store_url"
echo "postgresql+psycopg://milk_web:$web@postgres:5432/milk" > "$part/reader_store_url"
echo "postgresql+psycopg2://dagster:$dagster@postgres:5432/dagster" > "$part/dagster_url"
echo "milk:$(openssl passwd -6 "$ui")" > "$part/ui_passwords"
echo "\"$key\" first;" > "$part/api_keys"
# Last: it says that all are there.
secret > "$part/postgres_password"
chmod 0444 "$part"/*
for file in postgres_users.sql owner_store_url pipeline_store_url reader_store_url dagster_url ui_passwords api_keys \
  postgres_password; do
  mv "$part/$file" "$folder/$file"
done
echo "The secrets are in $folder. Shown only now:"
echo "  the Dagster UI: user milk, password $ui"
echo "  the online route: header X-API-Key: $key"
