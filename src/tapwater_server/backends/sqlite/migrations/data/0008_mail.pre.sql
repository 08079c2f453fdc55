CREATE TABLE letter (
    id          TEXT NOT NULL,
    app         TEXT NOT NULL,
    sender      TEXT NOT NULL,
    recipients  TEXT NOT NULL,
    shown_to    TEXT NOT NULL,
    subject     TEXT NOT NULL,
    accepted_at REAL NOT NULL,
    stage       TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    due_at      REAL NOT NULL,
    settled_at  REAL NOT NULL,
    reason      TEXT NOT NULL,
    size        INTEGER NOT NULL,
    PRIMARY KEY (app, id)
) WITHOUT ROWID;
CREATE INDEX letter_by_due ON letter (due_at) WHERE stage = 'waiting';
CREATE INDEX letter_by_end ON letter (settled_at) WHERE stage IN ('sent', 'kept');

CREATE TABLE letter_text (
    app TEXT NOT NULL,
    id  TEXT NOT NULL,
    raw BLOB NOT NULL,
    PRIMARY KEY (app, id)
);
