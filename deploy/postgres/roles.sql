-- Rights of those who use a store on a PostgreSQL server: publisher, reader, and the reader with its online route.
--
-- Run it as the owner of the tables, who may make roles, when the tables are there, and again after each update of the
-- program; it can be repeated:
--
--   psql --set ON_ERROR_STOP=1 --file deploy/postgres/roles.sql "postgresql://owner@host/database"
--
-- The owner is whoever migrates the store: the first to open it with MILK_STORE_URL. Let that be a user of its own, for
-- an owner could switch a trigger off; nobody below can. Who has no role of these can no longer connect.
-- Then make users who log in and give each one role:
--
--   CREATE USER milk_web PASSWORD '...' IN ROLE milk_online;
--
--   role             who                        may
--   milk_publisher   the pipeline               read everything, add rows; change none; delete requests that are old
--   milk_reader      `milk serve`, read only    read what is published; online predictions are given and not kept
--   milk_online      `milk serve`               the same, and keep what was asked online: add rows to that one table
--
-- That a published row is not changed is held twice: these roles have no UPDATE, DELETE or TRUNCATE, and the triggers
-- of the tables refuse it whoever asks. Dagster's own records lie in another database: deploy/postgres/dagster.sql.

DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['milk_publisher', 'milk_reader', 'milk_online'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    END IF;
  END LOOP;
  -- By default everybody may connect, Dagster's user included, and make tables that last for a session.
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format(
    'GRANT CONNECT ON DATABASE %I TO milk_publisher, milk_reader, milk_online, %I', current_database(), current_user);
END
$$;

-- Before PostgreSQL 15 everybody could make tables here.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO milk_publisher, milk_reader, milk_online;

-- What an earlier version of this file gave is taken back first.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM milk_publisher, milk_reader, milk_online;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM milk_publisher, milk_reader, milk_online;

-- The publisher adds; the schema is its owner's business, and what was asked online is only deleted here.
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO milk_publisher;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO milk_publisher;
REVOKE INSERT ON alembic_version, online_predictions FROM milk_publisher;
GRANT DELETE ON online_predictions TO milk_publisher;

-- The reader reads; what callers sent is not published.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO milk_reader;
REVOKE SELECT ON online_predictions FROM milk_reader;

-- The online route keeps what it was asked, and finds it again.
GRANT milk_reader TO milk_online;
GRANT SELECT, INSERT ON online_predictions TO milk_online;
