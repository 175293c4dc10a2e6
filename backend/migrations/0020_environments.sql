-- Environments by name and version: what they are made of. What is made of them lies in the home's
-- `environments/`, by content, and belongs into no row. A version never changes, so that a run that
-- names `training:2` says for ever what it ran in; only labels move. Curated environments have no rows.
--
-- A job keeps the definition that it was submitted with, whatever becomes of the name.

CREATE TABLE environments (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace     INTEGER NOT NULL REFERENCES workspaces,
    name          TEXT NOT NULL,
    version       TEXT NOT NULL,
    definition    TEXT NOT NULL,           -- JSON EnvironmentDefinition
    content_hash  TEXT NOT NULL,           -- of the definition
    created_at_ms INTEGER NOT NULL,
    UNIQUE (workspace, name, version)
) STRICT;

CREATE TABLE environment_labels (
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    name        TEXT NOT NULL,
    label       TEXT NOT NULL,
    environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
    PRIMARY KEY (workspace, name, label)
) STRICT, WITHOUT ROWID;

-- What a script run waits for before its script starts, in words; and the source folder of a run as
-- it was, also of one that no job has.
ALTER TABLE runs ADD COLUMN activity TEXT;
ALTER TABLE runs ADD COLUMN snapshot_id TEXT;

-- What a model needs and is tried with.
ALTER TABLE models ADD COLUMN usage TEXT NOT NULL DEFAULT '{}'; -- JSON ModelUsage

-- What is said of a workspace and has no meaning on one machine: kept and shown back.
ALTER TABLE workspaces ADD COLUMN settings TEXT NOT NULL DEFAULT 'null'; -- JSON
