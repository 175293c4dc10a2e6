-- Places where data lies, by their names in a workspace. `workspaceblobstore` and
-- `workspacefilestore` have no rows: every workspace has them, as folders of the home.
--
-- What opens a place is sealed as the keyvault's secrets are, bound to workspace and name: whoever
-- copies this database, or an archive of it, cannot open what it names.

CREATE TABLE datastores (
    key             INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace       INTEGER NOT NULL REFERENCES workspaces,
    name            TEXT NOT NULL,
    place           TEXT NOT NULL,          -- JSON DatastorePlace
    description     TEXT NOT NULL,
    tags            TEXT NOT NULL,          -- JSON object
    credential_kind TEXT,                   -- JSON CredentialKind; NULL: the daemon's environment
    nonce           BLOB,
    sealed          BLOB,                   -- JSON Credential
    created_at_ms   INTEGER NOT NULL,
    UNIQUE (workspace, name)
) STRICT;

-- The one that serves where none is named. No row: `workspaceblobstore`.
CREATE TABLE default_datastores (
    workspace INTEGER PRIMARY KEY REFERENCES workspaces,
    name      TEXT NOT NULL
) STRICT;
