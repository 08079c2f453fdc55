-- What sent a letter: the step of a trace (W3C traceparent), or nothing.
ALTER TABLE letter ADD COLUMN trace TEXT NOT NULL DEFAULT '';
