-- What was tried and what came out of it.
--
-- One home holds a few workspaces, some hundred experiments, up to hundreds of thousands of runs and
-- millions of points. Lists of runs are read far more often than histories, so a run's summary
-- (count, smallest, largest) is kept with its metric and never computed from points; a history is
-- one range scan because its table is clustered by (metric, sequence).
--
-- SQLite would turn 3 into 3.0 in a REAL column and drops NaN to NULL. Numbers therefore stand in
-- columns of type ANY (STRICT keeps the storage class as it came), infinities stand as REAL
-- infinities, and a point of kind `scalar` whose `number` and `text` are both NULL is NaN.

CREATE TABLE workspaces (
    key           INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL,
    tags          TEXT NOT NULL            -- JSON object
) STRICT;

CREATE TABLE experiments (
    key           INTEGER PRIMARY KEY,
    workspace     INTEGER NOT NULL REFERENCES workspaces,
    name          TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    tags          TEXT NOT NULL,           -- JSON object
    UNIQUE (workspace, name)
) STRICT;

-- `key` counts runs in the order of their creation: newest first is `ORDER BY key DESC`, and a page
-- of a list continues below the last key it showed.
CREATE TABLE runs (
    key              INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id           TEXT NOT NULL UNIQUE,
    workspace        INTEGER NOT NULL REFERENCES workspaces,
    experiment       INTEGER NOT NULL REFERENCES experiments,
    name             TEXT NOT NULL,
    kind             TEXT NOT NULL,
    status           TEXT NOT NULL,
    parent           INTEGER REFERENCES runs,
    user             TEXT NOT NULL,
    compute          TEXT NOT NULL,
    created_at_ms    INTEGER NOT NULL,
    started_at_ms    INTEGER,
    ended_at_ms      INTEGER,
    error            TEXT,                 -- JSON RunError
    owner            TEXT,                 -- JSON ProcessIdentity: the run fails when it is gone
    -- How far the run's spool file is committed. It moves in the same transaction as the records it
    -- covers, which is why no record is ever doubled or lost.
    spool_offset     INTEGER NOT NULL DEFAULT 0,
    rejected_records INTEGER NOT NULL DEFAULT 0,
    rejected_reason  TEXT
) STRICT;

CREATE INDEX runs_of_workspace ON runs (workspace, key);
CREATE INDEX runs_of_experiment ON runs (experiment, key);
CREATE INDEX runs_of_parent ON runs (parent, key) WHERE parent IS NOT NULL;
CREATE INDEX runs_alive ON runs (key) WHERE status NOT IN ('Completed', 'Failed', 'Canceled');

CREATE TABLE run_tags (
    run   INTEGER NOT NULL REFERENCES runs,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_properties (
    run   INTEGER NOT NULL REFERENCES runs,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_parameters (
    run   INTEGER NOT NULL REFERENCES runs,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE metrics (
    key         INTEGER PRIMARY KEY,       -- order of first appearance within a run
    run         INTEGER NOT NULL REFERENCES runs,
    name        TEXT NOT NULL,
    kind        TEXT NOT NULL,
    description TEXT NOT NULL,
    count       INTEGER NOT NULL,
    minimum     ANY,                       -- of scalar numbers, NaN left out
    maximum     ANY,
    UNIQUE (run, name)
) STRICT;

CREATE TABLE metric_points (
    metric   INTEGER NOT NULL REFERENCES metrics,
    sequence INTEGER NOT NULL,             -- 0, 1, 2 … as logged
    step     INTEGER NOT NULL,
    time_ms  INTEGER NOT NULL,
    number   ANY,                          -- a scalar number
    text     TEXT,                         -- a scalar text, or the JSON of every other kind
    PRIMARY KEY (metric, sequence)
) STRICT, WITHOUT ROWID;

-- The bytes are a blob on disk, named by its digest.
CREATE TABLE artifacts (
    run           INTEGER NOT NULL REFERENCES runs,
    path          TEXT NOT NULL,
    size          INTEGER NOT NULL,
    sha256        TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;

-- What happened, written in the transaction that made it so. AUTOINCREMENT: a sequence number is
-- never given twice, also after old events were dropped, so that a listener can resume by it.
CREATE TABLE events (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ms    INTEGER NOT NULL,
    workspace  TEXT NOT NULL,
    experiment TEXT,
    run_id     TEXT,
    kind       TEXT NOT NULL               -- JSON EventKind
) STRICT;

CREATE INDEX events_of_run ON events (run_id, sequence) WHERE run_id IS NOT NULL;
