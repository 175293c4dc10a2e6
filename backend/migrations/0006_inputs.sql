-- What runs have read and what they have made, as MLflow's clients tell it: datasets by name and
-- digest, and logged models by their id.
--
-- A dataset is described once per experiment, because every epoch's run reads the same one. What a
-- client tells again changes nothing: the primary keys are the whole statement.

CREATE TABLE datasets (
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    experiment  INTEGER NOT NULL REFERENCES experiments ON DELETE CASCADE,
    name        TEXT NOT NULL,
    digest      TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source      TEXT NOT NULL,
    columns     TEXT,                      -- MLflow's schema
    profile     TEXT,
    UNIQUE (experiment, name, digest)
) STRICT;

CREATE TABLE run_datasets (
    run     INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    dataset INTEGER NOT NULL REFERENCES datasets ON DELETE CASCADE,
    -- What it was used for, `train` or `eval`: the tag that searches ask for.
    context TEXT,
    tags    TEXT NOT NULL,                 -- JSON object
    PRIMARY KEY (run, dataset)
) STRICT, WITHOUT ROWID;

CREATE INDEX run_datasets_by_dataset ON run_datasets (dataset, run);

-- A model may be told before anybody has logged it, so the id stands here as it came.
CREATE TABLE run_models (
    run       INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    direction TEXT NOT NULL,               -- input, output
    model_id  TEXT NOT NULL,
    step      INTEGER NOT NULL,
    PRIMARY KEY (run, direction, model_id, step)
) STRICT, WITHOUT ROWID;
