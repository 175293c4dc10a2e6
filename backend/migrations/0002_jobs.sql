-- Script runs: what to run, which agent runs it, how far it is.
--
-- A job is the part of a script run that an agent carries out; it shares its key with the run. The
-- supervisor claims a job (`claimed_at_ms`) before it starts an agent: a daemon that dies between the
-- two finds at its next start a claimed job without an agent and knows that one may be on its way.

CREATE TABLE jobs (
    run           INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    spec          TEXT NOT NULL,           -- JSON JobSpec
    stage         TEXT,                    -- JobStage as last reported
    agent         TEXT,                    -- JSON ProcessIdentity
    claimed_at_ms INTEGER,
    -- The script said `run.fail(..)` of itself; takes effect when the agent reports its end.
    declared_error TEXT                    -- JSON RunError
) STRICT;

-- Source folders by content. Files are blobs.
CREATE TABLE snapshots (
    snapshot_id   TEXT PRIMARY KEY,
    files         TEXT NOT NULL,           -- JSON [SnapshotFile]
    size          INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
