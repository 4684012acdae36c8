-- Times are microseconds since 1970-01-01T00:00:00Z everywhere.

-- One row per record, in the order of the chain. `hash` covers every other column and the hash of the row before.
CREATE TABLE audit (
    seq          INTEGER PRIMARY KEY,
    time         INTEGER NOT NULL,
    call         TEXT NOT NULL,
    parent       TEXT,
    caller       TEXT NOT NULL,
    entrance     TEXT NOT NULL,
    target       TEXT NOT NULL,
    phase        TEXT NOT NULL,
    decision     TEXT,
    why          TEXT,
    outcome      TEXT,
    arguments    TEXT,
    duration_us  INTEGER,
    result_bytes INTEGER,
    note         TEXT,
    hash         BLOB NOT NULL
) STRICT;

-- Where the chain starts since old records were removed: the last removed record's place and hash.
CREATE TABLE audit_anchor (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;

-- How often policy changed; the file `generation` says the same.
CREATE TABLE generation (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    count INTEGER NOT NULL
) STRICT;

CREATE TABLE keys (
    id               TEXT PRIMARY KEY,
    name             TEXT NOT NULL,
    hash             BLOB NOT NULL,
    kind             TEXT NOT NULL,
    scopes           TEXT NOT NULL,
    tier             TEXT,
    created          INTEGER NOT NULL,
    expires          INTEGER,
    revoked_at       INTEGER,
    last_used        INTEGER,
    calls_per_minute INTEGER
) STRICT;

-- A name is free again once its key is revoked; a secret never is.
CREATE UNIQUE INDEX keys_by_name ON keys (name) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX keys_by_hash ON keys (hash);

CREATE TABLE approvals (
    id         TEXT PRIMARY KEY,
    caller     TEXT NOT NULL,
    tool       TEXT NOT NULL,
    args_hash  BLOB NOT NULL,
    shown      TEXT NOT NULL,
    why        TEXT NOT NULL,
    state      TEXT NOT NULL,
    created    INTEGER NOT NULL,
    expires    INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    grant_kind TEXT,
    grant_ends INTEGER
) STRICT;

CREATE INDEX approvals_by_call ON approvals (caller, tool, args_hash);
CREATE INDEX approvals_by_state ON approvals (state, created);

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Apart from `settings`, so that nothing that lists settings can ever show it.
CREATE TABLE secret (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
