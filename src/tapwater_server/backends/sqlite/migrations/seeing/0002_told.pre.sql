-- When a rule of alerts was last told of: a restart is no reason to tell again.
ALTER TABLE alert ADD COLUMN told_at REAL NOT NULL DEFAULT 0;
