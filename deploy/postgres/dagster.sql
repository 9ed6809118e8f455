-- Rights of Dagster on the database of its own records (runs, events, schedules), which is not that of the store.
--
-- Run it in that database as a user who may make roles and owns the database; it can be repeated:
--
--   psql --set ON_ERROR_STOP=1 --file deploy/postgres/dagster.sql "postgresql://owner@host/dagster"
--
-- Then make one user who logs in, for the pipeline's parts (code location, webserver, daemon) and nobody else:
--
--   CREATE USER milk_pipeline PASSWORD '...' IN ROLE milk_dagster;
--   MILK_DAGSTER_URL=postgresql+psycopg2://milk_pipeline:...@host:5432/dagster
--
-- It makes its tables itself and owns them: Dagster brings them to a new schema after an update. Who reads forecasts
-- needs no right here; a reader cannot even connect.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'milk_dagster') THEN
    CREATE ROLE milk_dagster NOLOGIN;
  END IF;
  -- By default everybody may connect, and make tables that last for a session.
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO milk_dagster', current_database());
END
$$;

-- Before PostgreSQL 15 everybody could make tables here.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO milk_dagster;
