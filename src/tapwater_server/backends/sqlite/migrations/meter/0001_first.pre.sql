-- Records and log lines, in blocks: a block is what was written in one go.

CREATE TABLE block (
    kind      TEXT NOT NULL,     -- record, line
    seq_first INTEGER NOT NULL,  -- of its items; they count on from it
    seq_last  INTEGER NOT NULL,
    at_first  REAL NOT NULL,
    at_last   REAL NOT NULL,
    id_first  TEXT NOT NULL,     -- invocation ids, smallest and largest
    id_last   TEXT NOT NULL,
    functions TEXT NOT NULL,     -- "|app:function|app:function|": whose items are in it
    bytes     INTEGER NOT NULL,
    data      BLOB NOT NULL,     -- zstd of a msgpack array
    PRIMARY KEY (kind, seq_first)
) WITHOUT ROWID;

CREATE INDEX block_id ON block (kind, id_last, id_first);

CREATE TABLE counter (
    kind     TEXT PRIMARY KEY,
    seq_last INTEGER NOT NULL  -- Goes on counting when all blocks are gone.
) WITHOUT ROWID;
