-- Registered datasets: what data was, by name and version. (`datasets` in 0006 is what MLflow's
-- clients tell of theirs.)
--
-- A version says how it was defined and which files that found when it was registered. The files may
-- be tens of thousands, so their list is a blob that several versions share, and no list of datasets
-- reads it. As with models, a number is never given again, and a name is deleted with its versions at
-- one moment; so `last_version` of a name that is not deleted is always its newest version.

CREATE TABLE registered_datasets (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace     INTEGER NOT NULL REFERENCES workspaces,
    name          TEXT NOT NULL,
    last_version  INTEGER NOT NULL DEFAULT 0,
    deleted_at_ms INTEGER,
    UNIQUE (workspace, name)
) STRICT;

CREATE TABLE dataset_versions (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    registered    INTEGER NOT NULL REFERENCES registered_datasets ON DELETE CASCADE,
    version       INTEGER NOT NULL,
    dataset_id    TEXT NOT NULL UNIQUE,
    kind          TEXT NOT NULL,           -- tabular, file: as the definition says
    description   TEXT NOT NULL,
    tags          TEXT NOT NULL,           -- JSON object
    definition    TEXT NOT NULL,           -- JSON DatasetDefinition
    columns       TEXT,                    -- JSON [TableColumn]
    file_count    INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    sha256        TEXT NOT NULL,           -- the blob with a JSON DatasetFile on each line
    run           INTEGER REFERENCES runs ON DELETE SET NULL, -- which registered it
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    deleted_at_ms INTEGER,
    UNIQUE (registered, version)
) STRICT;

-- The runs that go are looked for here.
CREATE INDEX dataset_versions_by_run ON dataset_versions (run) WHERE run IS NOT NULL;

-- Which run read which version, or made it.
CREATE TABLE dataset_uses (
    run        INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    dataset    INTEGER NOT NULL REFERENCES dataset_versions ON DELETE CASCADE,
    direction  TEXT NOT NULL,              -- input, output
    input_name TEXT NOT NULL,              -- what the script calls it; empty for an output
    PRIMARY KEY (run, dataset, direction, input_name)
) STRICT, WITHOUT ROWID;

CREATE INDEX dataset_uses_of_dataset ON dataset_uses (dataset, run);
