-- Where the job's own webhooks go, if it has any. Flag 512 of `job` says so.
ALTER TABLE arguments ADD COLUMN callback TEXT;

-- Receivers of webhooks. `url` is NULL for the one that a caller's callbacks are signed for. `events` has a bit for each
-- event, in the order of `WebhookEvent::ALL`; `tools` is a JSON array of patterns. Secrets are sealed.
CREATE TABLE hook (
    id             TEXT PRIMARY KEY,
    caller         TEXT NOT NULL,
    all_callers    INTEGER NOT NULL,
    url            TEXT,
    events         INTEGER NOT NULL,
    tools          TEXT NOT NULL,
    secret         BLOB NOT NULL,
    previous       BLOB,
    previous_until INTEGER,
    paused         INTEGER NOT NULL,
    why_paused     TEXT,
    created        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The outbox: what is to be told to whom, written with the change that it tells of.
-- state 0: to be sent from `next_at` on; 1: after an earlier one of the same job; 2: delivered; 3: given up.
-- `lane`: what shares a limit of requests at once, a receiver or the host of a callback.
CREATE TABLE delivery (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    nonce    INTEGER NOT NULL,
    receiver TEXT NOT NULL,
    lane     TEXT NOT NULL,
    url      TEXT NOT NULL,
    job      INTEGER NOT NULL,
    job_nonce INTEGER NOT NULL,
    caller   TEXT NOT NULL,
    tool     TEXT NOT NULL,
    event    INTEGER NOT NULL,
    body     TEXT NOT NULL,
    created  INTEGER NOT NULL,
    state    INTEGER NOT NULL,
    attempt  INTEGER NOT NULL,
    next_at  INTEGER NOT NULL,
    status   INTEGER,
    error    TEXT,
    ended    INTEGER
) STRICT;
CREATE INDEX delivery_due ON delivery (lane, next_at) WHERE state = 0;
CREATE INDEX delivery_line ON delivery (receiver, job, id) WHERE state < 2;
CREATE INDEX delivery_ended ON delivery (ended) WHERE state >= 2;
CREATE INDEX delivery_job ON delivery (job);

-- What is to be done again and again. `plan` is JSON: when, in which time zone, what of missed times.
-- `due`: the next planned time; `next_at`: when it is really begun, somewhat later by chance. Both NULL: never again.
CREATE TABLE schedule (
    id         TEXT PRIMARY KEY,
    caller     TEXT NOT NULL,
    name       TEXT NOT NULL,
    tool       TEXT NOT NULL,
    arguments  TEXT NOT NULL,
    options    TEXT NOT NULL,
    plan       TEXT NOT NULL,
    paused     INTEGER NOT NULL,
    due        INTEGER,
    next_at    INTEGER,
    created    INTEGER NOT NULL,
    last_due   INTEGER,
    last_job   TEXT,
    last_error TEXT,
    fired      INTEGER NOT NULL,
    missed     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX schedule_name ON schedule (caller, name);
CREATE INDEX schedule_due ON schedule (next_at) WHERE paused = 0 AND next_at IS NOT NULL;
