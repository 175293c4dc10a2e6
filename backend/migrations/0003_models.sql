-- Registered models. Versions are counted per name and workspace, never reused and never changed;
-- the files are blobs, shared with the run the model came from.

CREATE TABLE models (
    key               INTEGER PRIMARY KEY,
    workspace         INTEGER NOT NULL REFERENCES workspaces,
    name              TEXT NOT NULL,
    version           INTEGER NOT NULL,
    description       TEXT NOT NULL,
    tags              TEXT NOT NULL,       -- JSON object
    properties        TEXT NOT NULL,       -- JSON object
    framework         TEXT,
    framework_version TEXT,
    run               INTEGER REFERENCES runs,
    created_at_ms     INTEGER NOT NULL,
    size              INTEGER NOT NULL,
    checksum          TEXT NOT NULL,
    files             TEXT NOT NULL,       -- JSON [ModelFile]
    UNIQUE (workspace, name, version)
) STRICT;
