-- Times are milliseconds since 1970-01-01T00:00:00Z. States are numbers in the order of `State::ALL`:
-- 0 queued, 1 scheduled, 2 running, 3 waiting for input, 4 completed, 5 failed, 6 cancelled, 7 dead.

-- Names of queues, tools and callers, so that the rows of jobs stay small.
CREATE TABLE name (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

-- What decisions are made on. Large texts are elsewhere, so that a change of state never rewrites them.
-- `priority` is the negative of what people say, so that the index runs in the order of the claims.
-- `hold`: the caller whose limit keeps a queued job out of its queue's order, 0 for none.
CREATE TABLE job (
    id            INTEGER PRIMARY KEY,
    nonce         INTEGER NOT NULL,
    queue         INTEGER NOT NULL,
    tool          INTEGER NOT NULL,
    hold          INTEGER NOT NULL,
    caller        INTEGER NOT NULL,
    priority      INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    flags         INTEGER NOT NULL,
    attempt       INTEGER NOT NULL,
    attempts_max  INTEGER NOT NULL,
    stalls        INTEGER NOT NULL,
    token         INTEGER NOT NULL,
    ending        INTEGER,
    run_at        INTEGER NOT NULL,
    deadline      INTEGER,
    backoff_base  INTEGER NOT NULL,
    backoff_max   INTEGER NOT NULL,
    jitter        INTEGER NOT NULL,
    parent        INTEGER,
    children_open INTEGER NOT NULL,
    created       INTEGER NOT NULL,
    started       INTEGER,
    ended         INTEGER
) STRICT;

-- The order of claims. A job that waits is in exactly one of these two.
CREATE INDEX job_ready ON job (queue, tool, hold, priority) WHERE state = 0;
-- Flag 4: it waits for its children, not for a time.
CREATE INDEX job_due ON job (run_at) WHERE state = 1 AND flags & 4 = 0;
CREATE INDEX job_deadline ON job (deadline) WHERE deadline IS NOT NULL AND state < 4;
-- Everything that does not wait: few while it runs, and what has ended in the order of its removal.
CREATE INDEX job_shelf ON job (state, ended) WHERE state >= 2;
CREATE INDEX job_parent ON job (parent) WHERE parent IS NOT NULL;

CREATE TABLE arguments (
    job        INTEGER PRIMARY KEY,
    text       TEXT NOT NULL,
    attributes TEXT
) STRICT;

CREATE TABLE outcome (
    job      INTEGER PRIMARY KEY,
    result   TEXT,
    failure  TEXT,
    progress TEXT
) STRICT;

CREATE TABLE checkpoint (
    job  INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;

CREATE TABLE question (
    job    INTEGER PRIMARY KEY,
    text   TEXT NOT NULL,
    answer TEXT
) STRICT;

CREATE TABLE line (
    job    INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    level  TEXT NOT NULL,
    text   TEXT NOT NULL,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

-- kind 0: idempotency, kept as long as the job; kind 1: deduplication, kept until it ends.
CREATE TABLE key (
    kind        INTEGER NOT NULL,
    caller      INTEGER NOT NULL,
    text        TEXT NOT NULL,
    job         INTEGER NOT NULL,
    fingerprint BLOB,
    PRIMARY KEY (kind, caller, text)
) STRICT, WITHOUT ROWID;
CREATE INDEX key_job ON key (job);

-- The history. A submission of several jobs is one row for `count` jobs from `job` on, and takes as many numbers;
-- `nonce` is the first one's. `what`: a number in the order of `Happening::ALL`.
CREATE TABLE event (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    job     INTEGER NOT NULL,
    nonce   INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    what    INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    token   INTEGER NOT NULL
) STRICT;

-- How many jobs there are of each state, kept in step by the same transactions.
CREATE TABLE tally (
    queue INTEGER NOT NULL,
    tool  INTEGER NOT NULL,
    hold  INTEGER NOT NULL,
    s0 INTEGER NOT NULL, s1 INTEGER NOT NULL, s2 INTEGER NOT NULL, s3 INTEGER NOT NULL,
    s4 INTEGER NOT NULL, s5 INTEGER NOT NULL, s6 INTEGER NOT NULL, s7 INTEGER NOT NULL,
    PRIMARY KEY (queue, tool, hold)
) STRICT, WITHOUT ROWID;

CREATE TABLE paused (
    queue INTEGER PRIMARY KEY
) STRICT;

-- scope 0: queues, 1: tools, 2: callers; name 0: each one without a limit of its own.
CREATE TABLE limits (
    scope       INTEGER NOT NULL,
    name        INTEGER NOT NULL,
    running_max INTEGER,
    starts_max  INTEGER,
    window      INTEGER,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

-- Written to see whether the file can be written.
CREATE TABLE probe (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at  INTEGER NOT NULL
) STRICT;

-- How far readers of the history have come.
CREATE TABLE reader (
    name TEXT PRIMARY KEY,
    seq  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
