-- What was tried and what came out of it.
--
-- One file serves both databases: it is written as SQLite spells it and `store/sql/postgres.rs` says
-- how PostgreSQL spells the same.
--
-- One home holds a few workspaces, some hundred experiments, up to hundreds of thousands of runs and
-- tens of millions of points. Lists of runs are read far more often than histories, so a metric's
-- summary (count, smallest, largest, newest) stands in its own row and is never computed from
-- points; a history is one range scan because its table is clustered by (metric, sequence).
--
-- A number stands in a column of doubles, where it is compared and sorted; a whole number has its
-- exact value in the column `…_whole` beside it. Doubles stand in columns of type ANY, because SQLite
-- turns -0.0 into 0 in a column of type REAL. Infinities are doubles. SQLite turns NaN into NULL, so
-- NaN is a number that is NULL where no text stands in its place.
--
-- Deleted things have `deleted_at_ms`; they come back by restoring and go for good by `lazuli gc`. What
-- refers to a run says what becomes of it then: `ON DELETE`. A column named `sha256` names a blob, a
-- column named `files` is a JSON list of files with theirs; `lazuli gc` keeps what they name.

CREATE TABLE workspaces (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL,
    tags          TEXT NOT NULL            -- JSON object
) STRICT;

CREATE TABLE experiments (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace     INTEGER NOT NULL REFERENCES workspaces,
    name          TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    deleted_at_ms INTEGER,
    tags          TEXT NOT NULL,           -- JSON object
    -- Counts of its runs that are not deleted, kept in step so that a list reads no runs.
    runs          INTEGER NOT NULL DEFAULT 0,
    last_run_at_ms INTEGER,
    -- Where an MLflow client wants the files of its runs; NULL: here.
    artifact_location TEXT,
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
    parent           INTEGER REFERENCES runs ON DELETE SET NULL,
    user_name        TEXT NOT NULL,
    compute          TEXT NOT NULL,
    created_at_ms    INTEGER NOT NULL,
    started_at_ms    INTEGER,
    ended_at_ms      INTEGER,
    deleted_at_ms    INTEGER,
    error            TEXT,                 -- JSON RunError
    owner            TEXT,                 -- JSON ProcessIdentity: the run fails when it is gone
    -- How far the run's spool file is committed, in bytes and in records. Both move in the same
    -- transaction as the records they cover, which is why no record is ever doubled or lost.
    spool_offset     INTEGER NOT NULL DEFAULT 0,
    spool_records    INTEGER NOT NULL DEFAULT 0,
    rejected_records INTEGER NOT NULL DEFAULT 0,
    -- Points committed in all, and of these from the spool: `lazuli run verify` compares them with
    -- what the histories hold.
    points           INTEGER NOT NULL DEFAULT 0,
    spool_points     INTEGER NOT NULL DEFAULT 0,
    rejected_reason  TEXT
) STRICT;

CREATE INDEX runs_of_workspace ON runs (workspace, key);
CREATE INDEX runs_of_experiment ON runs (experiment, key);
CREATE INDEX runs_of_parent ON runs (parent, key) WHERE parent IS NOT NULL;
-- MLflow's order, within an experiment and within a workspace.
CREATE INDEX runs_of_experiment_by_start ON runs (experiment, started_at_ms DESC, run_id);
CREATE INDEX runs_of_workspace_by_start ON runs (workspace, started_at_ms DESC, run_id);
CREATE INDEX runs_deleted ON runs (deleted_at_ms) WHERE deleted_at_ms IS NOT NULL;
CREATE INDEX runs_alive ON runs (key) WHERE status NOT IN ('Completed', 'Failed', 'Canceled');

CREATE TABLE run_tags (
    run   INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_properties (
    run   INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_parameters (
    run   INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

-- A search by tag or parameter compares the beginning first: an index entry of PostgreSQL is short.
CREATE INDEX run_tags_by_value ON run_tags (key, (substr(value, 1, 100)), run);
CREATE INDEX run_parameters_by_value ON run_parameters (key, (substr(value, 1, 100)), run);

-- The newest point of a metric is the one with the greatest step, then time, then value, as MLflow
-- has it; without steps given it is the one logged last.
CREATE TABLE metrics (
    key           INTEGER PRIMARY KEY AUTOINCREMENT, -- order of first appearance within a run
    run           INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name          TEXT NOT NULL,
    kind          TEXT NOT NULL,
    description   TEXT NOT NULL,
    count         INTEGER NOT NULL,
    minimum       ANY ,                    -- of scalar numbers, NaN left out
    minimum_whole INTEGER,
    maximum       ANY ,
    maximum_whole INTEGER,
    last_step     INTEGER NOT NULL,
    last_time_ms  INTEGER NOT NULL,
    last_number   ANY ,
    last_whole    INTEGER,
    last_text     TEXT,
    -- The latest time of any point. A point beyond it, or beyond the greatest step, cannot be one
    -- that is there already.
    latest_ms     INTEGER NOT NULL,
    UNIQUE (run, name)
) STRICT;

CREATE INDEX metrics_by_last ON metrics (name, last_number, run);

CREATE TABLE metric_points (
    metric   INTEGER NOT NULL REFERENCES metrics ON DELETE CASCADE,
    sequence INTEGER NOT NULL,             -- 0, 1, 2 … as logged
    step     INTEGER NOT NULL,
    time_ms  INTEGER NOT NULL,
    number   ANY ,                         -- a scalar number
    whole    INTEGER,                      -- the same, exact, when it is whole
    text     TEXT,                         -- a scalar text, or the JSON of every other kind
    PRIMARY KEY (metric, sequence)
) STRICT, WITHOUT ROWID;

-- What is known of each stretch of 256 points of a scalar metric (sequence / 256): where its
-- extremes are and which steps and times it covers. Ten million points are drawn from forty
-- thousand of these rows, and a range of steps is found without reading the points outside it.
CREATE TABLE metric_stretches (
    metric           INTEGER NOT NULL REFERENCES metrics ON DELETE CASCADE,
    stretch          INTEGER NOT NULL,
    lowest           ANY ,                 -- NULL: no number but NaN
    lowest_sequence  INTEGER,
    highest          ANY ,
    highest_sequence INTEGER,
    first_step       INTEGER NOT NULL,     -- smallest
    last_step        INTEGER NOT NULL,     -- greatest
    first_ms         INTEGER NOT NULL,
    last_ms          INTEGER NOT NULL,
    PRIMARY KEY (metric, stretch)
) STRICT, WITHOUT ROWID;

-- The bytes are a blob, named by its digest.
CREATE TABLE artifacts (
    run           INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    path          TEXT NOT NULL,
    size          INTEGER NOT NULL,
    sha256        TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;

-- What happened, written in the transaction that made it so. The number comes from the one row of
-- `event_counter`, so that numbers are given in the order of commits and never twice.
CREATE TABLE event_counter (
    last INTEGER NOT NULL
) STRICT;

INSERT INTO event_counter (last) VALUES (0);

CREATE TABLE events (
    sequence   INTEGER PRIMARY KEY,
    time_ms    INTEGER NOT NULL,
    workspace  TEXT NOT NULL,
    experiment TEXT,
    run_id     TEXT,
    kind       TEXT NOT NULL               -- JSON EventKind
) STRICT;

CREATE INDEX events_of_run ON events (run_id, sequence) WHERE run_id IS NOT NULL;
