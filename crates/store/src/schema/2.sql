-- How many calls an account made in a slice of time, for limits that outlive a restart.
CREATE TABLE calls (
    account TEXT NOT NULL,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (account, first)
) STRICT, WITHOUT ROWID;
