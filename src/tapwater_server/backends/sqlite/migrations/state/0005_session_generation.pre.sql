-- A user's session ends with their password: it knows which generation of the user opened it.

ALTER TABLE session ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
