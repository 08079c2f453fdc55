-- When it was last looked at how much the apps keep (seconds since the epoch).
CREATE TABLE kept_looked (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at  REAL NOT NULL
);
