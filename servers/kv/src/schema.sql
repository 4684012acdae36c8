CREATE TABLE entries (
    space TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    -- Milliseconds since the epoch; NULL lasts for good.
    expires_ms INTEGER,
    PRIMARY KEY (space, key)
) WITHOUT ROWID;

CREATE INDEX entries_that_expire ON entries (expires_ms) WHERE expires_ms IS NOT NULL;

-- What each space holds, so that no change has to count.
CREATE TABLE spaces (
    space TEXT PRIMARY KEY,
    keys INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TRIGGER entry_came AFTER INSERT ON entries BEGIN
    INSERT INTO spaces VALUES (NEW.space, 1, octet_length(NEW.key) + octet_length(NEW.value))
        ON CONFLICT DO UPDATE SET keys = keys + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER entry_changed AFTER UPDATE ON entries BEGIN
    UPDATE spaces SET bytes = bytes + octet_length(NEW.value) - octet_length(OLD.value) WHERE space = NEW.space;
END;

CREATE TRIGGER entry_went AFTER DELETE ON entries BEGIN
    UPDATE spaces SET keys = keys - 1, bytes = bytes - octet_length(OLD.key) - octet_length(OLD.value)
        WHERE space = OLD.space;
END;
