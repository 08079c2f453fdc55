CREATE TABLE queue (
    app      TEXT NOT NULL,
    name     TEXT NOT NULL,
    settings TEXT NOT NULL,
    PRIMARY KEY (app, name)
) WITHOUT ROWID;

CREATE TABLE topic_queue (
    app   TEXT NOT NULL,
    topic TEXT NOT NULL,
    queue TEXT NOT NULL,
    PRIMARY KEY (app, topic, queue)
) WITHOUT ROWID;
