-- What opens the daemon for programs, by names: made, listed and revoked by people. Kept is a digest
-- (SHA-256 of 256 random bits needs no salt), so that a copy of this database opens nothing.
--
-- A revoked token stays for a while: who still uses it is told so, and not that it never was. Its name
-- is free again. No backup holds these rows; see `store/backup.rs`.

CREATE TABLE access_tokens (
    key             INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT NOT NULL,
    digest          TEXT NOT NULL UNIQUE,
    created_at_ms   INTEGER NOT NULL,
    last_used_at_ms INTEGER,                -- to the minute
    expires_at_ms   INTEGER,                -- NULL: never
    revoked_at_ms   INTEGER
) STRICT;

CREATE UNIQUE INDEX access_tokens_by_name ON access_tokens (name) WHERE revoked_at_ms IS NULL;
