-- Compute targets by name. `local`, this machine, has no row. What a target was made with and has no
-- meaning here (virtual machine, network, place) is kept in `settings` and shown back.
--
-- Runs name their target by its name: one that is deleted and made again goes on with what it was.

CREATE TABLE compute_targets (
    key            INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace      INTEGER NOT NULL REFERENCES workspaces,
    name           TEXT NOT NULL,
    kind           TEXT NOT NULL,          -- ComputeKind
    min_nodes      INTEGER NOT NULL,
    max_nodes      INTEGER NOT NULL,       -- jobs at once
    idle_seconds   INTEGER NOT NULL,
    stopped        INTEGER NOT NULL,       -- 1: an instance that takes no jobs
    settings       TEXT NOT NULL,          -- JSON
    description    TEXT NOT NULL,
    tags           TEXT NOT NULL,          -- JSON object
    created_at_ms  INTEGER NOT NULL,
    modified_at_ms INTEGER NOT NULL,
    UNIQUE (workspace, name)
) STRICT;

-- How many nodes of a target are idle depends on what ended on it lately.
CREATE INDEX runs_of_compute ON runs (workspace, compute, ended_at_ms);
