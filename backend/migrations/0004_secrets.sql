-- The keyvault. `sealed` is XChaCha20-Poly1305 under the key in `$LAZULI_HOME/key`, bound to workspace
-- and name, so that a row copied elsewhere does not open. The key is never in this database: a copy
-- of it gives no secret away.

CREATE TABLE secrets (
    workspace     INTEGER NOT NULL REFERENCES workspaces,
    name          TEXT NOT NULL,
    nonce         BLOB NOT NULL,
    sealed        BLOB NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;
