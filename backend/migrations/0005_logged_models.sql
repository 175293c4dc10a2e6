-- What MLflow keeps beside runs: logged models, and files below the root of its artifact proxy.
--
-- A logged model is the model of a run before anybody registers it. Its files lie below
-- `<experiment>/models/<model_id>/artifacts/` in `proxied_artifacts`, which holds every file of the
-- proxy that is not a run's: one table with the whole path as its key, so that a folder is a range.

CREATE TABLE logged_models (
    key            INTEGER PRIMARY KEY AUTOINCREMENT,
    model_id       TEXT NOT NULL UNIQUE,
    experiment     INTEGER NOT NULL REFERENCES experiments ON DELETE CASCADE,
    name           TEXT NOT NULL,
    model_type     TEXT NOT NULL,
    source_run_id  TEXT NOT NULL,          -- as it was told; empty: none
    status         TEXT NOT NULL,          -- PENDING, READY, FAILED, UNSPECIFIED
    created_at_ms  INTEGER NOT NULL,
    updated_at_ms  INTEGER NOT NULL,
    deleted_at_ms  INTEGER,
    tags           TEXT NOT NULL,          -- JSON object
    parameters     TEXT NOT NULL           -- JSON object
) STRICT;

CREATE INDEX logged_models_of_experiment ON logged_models (experiment, created_at_ms);
CREATE INDEX logged_models_of_run ON logged_models (source_run_id);

-- The points of a run that were logged about a model. They stand here beside the run's own history,
-- because a model is compared across runs and datasets.
CREATE TABLE logged_model_metrics (
    model          INTEGER NOT NULL REFERENCES logged_models ON DELETE CASCADE,
    name           TEXT NOT NULL,
    time_ms        INTEGER NOT NULL,
    step           INTEGER NOT NULL,
    run            INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    number         ANY ,                   -- NULL is NaN
    dataset_name   TEXT NOT NULL,          -- empty: none
    dataset_digest TEXT NOT NULL,
    PRIMARY KEY (model, name, time_ms, step, run)
) STRICT, WITHOUT ROWID;

CREATE INDEX logged_model_metrics_of_run ON logged_model_metrics (run);

CREATE TABLE proxied_artifacts (
    path          TEXT PRIMARY KEY,
    -- The logged model whose file it is; the file goes with it.
    model         INTEGER REFERENCES logged_models ON DELETE CASCADE,
    size          INTEGER NOT NULL,
    sha256        TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX proxied_artifacts_of_model ON proxied_artifacts (model) WHERE model IS NOT NULL;

-- Files that come in parts. A part is a blob like any other, and referred to from here until the file
-- is put together or the upload is given up.
CREATE TABLE part_uploads (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    upload_id     TEXT NOT NULL UNIQUE,
    path          TEXT NOT NULL,           -- of the proxy
    parts         INTEGER NOT NULL,
    touched_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE upload_parts (
    upload INTEGER NOT NULL REFERENCES part_uploads ON DELETE CASCADE,
    number INTEGER NOT NULL,
    size   INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;
