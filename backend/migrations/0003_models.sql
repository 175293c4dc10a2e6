-- Registered models. Versions are counted per name and workspace; a number is never given again, also
-- when the version or its name was deleted: what somebody wrote down as `churn:3` never becomes
-- something else. The files never change; they are blobs, shared with the run the model came from.
--
-- Deleting a name deletes its versions at the same moment, which is how restoring the name knows
-- which of them to bring back.

CREATE TABLE registered_models (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace     INTEGER NOT NULL REFERENCES workspaces,
    name          TEXT NOT NULL,
    description   TEXT NOT NULL,
    tags          TEXT NOT NULL,           -- JSON object
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    -- The newest version ever given, so that a deleted one's number is not given again.
    last_version  INTEGER NOT NULL DEFAULT 0,
    deleted_at_ms INTEGER,
    UNIQUE (workspace, name)
) STRICT;

CREATE TABLE models (
    key               INTEGER PRIMARY KEY AUTOINCREMENT,
    registered        INTEGER NOT NULL REFERENCES registered_models ON DELETE CASCADE,
    version           INTEGER NOT NULL,
    description       TEXT NOT NULL,
    tags              TEXT NOT NULL,       -- JSON object
    properties        TEXT NOT NULL,       -- JSON object
    framework         TEXT,
    framework_version TEXT,
    run               INTEGER REFERENCES runs ON DELETE SET NULL,
    -- What MLflow was told, which may name a run or a logged model that is not here.
    run_id            TEXT,
    model_id          TEXT,
    user_name         TEXT NOT NULL DEFAULT '',
    stage             TEXT NOT NULL DEFAULT 'None', -- None, Staging, Production, Archived
    source            TEXT NOT NULL DEFAULT '',     -- where MLflow was told it lies
    run_link          TEXT NOT NULL DEFAULT '',
    created_at_ms     INTEGER NOT NULL,
    updated_at_ms     INTEGER NOT NULL,
    deleted_at_ms     INTEGER,
    size              INTEGER NOT NULL,
    checksum          TEXT NOT NULL,
    files             TEXT NOT NULL,       -- JSON [ModelFile]
    UNIQUE (registered, version)
) STRICT;

-- The runs that go are looked for here.
CREATE INDEX models_by_run ON models (run) WHERE run IS NOT NULL;

CREATE INDEX models_of_run ON models (run_id);

CREATE TABLE model_aliases (
    registered INTEGER NOT NULL REFERENCES registered_models ON DELETE CASCADE,
    alias      TEXT NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (registered, alias)
) STRICT, WITHOUT ROWID;
