CREATE TABLE segments (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL UNIQUE,
    configuration TEXT NOT NULL,
    code TEXT NOT NULL,
    parameters TEXT NOT NULL,
    calendar TEXT NOT NULL,
    previous_head TEXT NOT NULL,
    sealed_head TEXT
) STRICT;
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL REFERENCES segments (id),
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TABLE heads (
    sequence INTEGER PRIMARY KEY,
    hash TEXT NOT NULL,
    key_id TEXT NOT NULL,
    signature TEXT NOT NULL
) STRICT;
CREATE TABLE snapshots (
    sequence INTEGER PRIMARY KEY,
    format TEXT NOT NULL,
    body BLOB NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER segments_seal BEFORE UPDATE ON segments
WHEN OLD.sealed_head IS NOT NULL OR NEW.sealed_head IS NULL
    OR (OLD.id, OLD.session, OLD.account, OLD.epoch,
        OLD.configuration, OLD.code, OLD.parameters, OLD.calendar, OLD.previous_head)
    IS NOT (NEW.id, NEW.session, NEW.account, NEW.epoch,
        NEW.configuration, NEW.code, NEW.parameters, NEW.calendar, NEW.previous_head)
BEGIN SELECT RAISE(ABORT, 'of a segment only sealed_head is set, and once'); END;
CREATE TRIGGER segments_append BEFORE INSERT ON segments WHEN NEW.id <= (SELECT max(id) FROM segments) BEGIN SELECT RAISE(ABORT, 'segments are only added at the end, never changed or removed'); END;
CREATE TRIGGER records_append BEFORE INSERT ON records WHEN NEW.sequence <= (SELECT max(sequence) FROM records) BEGIN SELECT RAISE(ABORT, 'records are only added at the end, never changed or removed'); END;
CREATE TRIGGER heads_append BEFORE INSERT ON heads WHEN NEW.sequence <= (SELECT max(sequence) FROM heads) BEGIN SELECT RAISE(ABORT, 'heads are only added at the end, never changed or removed'); END;
CREATE TRIGGER snapshots_append BEFORE INSERT ON snapshots WHEN NEW.sequence <= (SELECT max(sequence) FROM snapshots) BEGIN SELECT RAISE(ABORT, 'snapshots are only added at the end, never changed or removed'); END;
CREATE TRIGGER segments_keep BEFORE DELETE ON segments BEGIN SELECT RAISE(ABORT, 'segments are only added at the end, never changed or removed'); END;
CREATE TRIGGER records_keep BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'records are only added at the end, never changed or removed'); END;
CREATE TRIGGER heads_keep BEFORE DELETE ON heads BEGIN SELECT RAISE(ABORT, 'heads are only added at the end, never changed or removed'); END;
CREATE TRIGGER snapshots_keep BEFORE DELETE ON snapshots BEGIN SELECT RAISE(ABORT, 'snapshots are only added at the end, never changed or removed'); END;
CREATE TRIGGER records_unchanged BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'records are only added at the end, never changed or removed'); END;
CREATE TRIGGER heads_unchanged BEFORE UPDATE ON heads BEGIN SELECT RAISE(ABORT, 'heads are only added at the end, never changed or removed'); END;
CREATE TRIGGER snapshots_unchanged BEFORE UPDATE ON snapshots BEGIN SELECT RAISE(ABORT, 'snapshots are only added at the end, never changed or removed'); END;