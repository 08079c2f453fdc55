CREATE TABLE session (
    app      TEXT NOT NULL,
    client   TEXT NOT NULL,
    expiry_s INTEGER NOT NULL,
    left_at  REAL NOT NULL,
    PRIMARY KEY (app, client)
) WITHOUT ROWID;
CREATE TABLE subscription (
    app     TEXT NOT NULL,
    client  TEXT NOT NULL,
    filter  TEXT NOT NULL,
    options INTEGER NOT NULL,
    id      INTEGER NOT NULL,
    PRIMARY KEY (app, client, filter),
    FOREIGN KEY (app, client) REFERENCES session (app, client) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE message (
    id           TEXT PRIMARY KEY,
    app          TEXT NOT NULL,
    topic        TEXT NOT NULL,
    payload      BLOB NOT NULL,
    qos          INTEGER NOT NULL,
    publisher    TEXT NOT NULL,
    properties   BLOB NOT NULL,
    published_at REAL NOT NULL,
    expires_at   REAL NOT NULL
);
CREATE TABLE queued (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    app       TEXT NOT NULL,
    client    TEXT NOT NULL,
    packet_id INTEGER NOT NULL,
    message   TEXT NOT NULL REFERENCES message (id),
    qos       INTEGER NOT NULL,
    retain    INTEGER NOT NULL,
    ids       TEXT NOT NULL,      -- subscription identifiers, a JSON list
    released  INTEGER NOT NULL,
    UNIQUE (app, client, packet_id),
    FOREIGN KEY (app, client) REFERENCES session (app, client) ON DELETE CASCADE
);
CREATE INDEX queued_message ON queued (message);
CREATE TABLE received (
    app       TEXT NOT NULL,
    client    TEXT NOT NULL,
    packet_id INTEGER NOT NULL,
    PRIMARY KEY (app, client, packet_id),
    FOREIGN KEY (app, client) REFERENCES session (app, client) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE promise (
    id   TEXT PRIMARY KEY,
    app  TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE retained (
    app     TEXT NOT NULL,
    topic   TEXT NOT NULL,
    message TEXT NOT NULL REFERENCES message (id),
    PRIMARY KEY (app, topic)
) WITHOUT ROWID;
CREATE INDEX retained_message ON retained (message);
CREATE TRIGGER queued_gone AFTER DELETE ON queued BEGIN
    DELETE FROM message WHERE id = OLD.message
        AND NOT EXISTS (SELECT 1 FROM queued WHERE message = OLD.message)
        AND NOT EXISTS (SELECT 1 FROM retained WHERE message = OLD.message);
END;
CREATE TRIGGER retained_gone AFTER DELETE ON retained BEGIN
    DELETE FROM message WHERE id = OLD.message
        AND NOT EXISTS (SELECT 1 FROM queued WHERE message = OLD.message)
        AND NOT EXISTS (SELECT 1 FROM retained WHERE message = OLD.message);
END;
