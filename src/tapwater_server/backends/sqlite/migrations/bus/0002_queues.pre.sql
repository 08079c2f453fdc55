-- What queues of others' clients need: messages that fade when they expire, when one was first
-- received, and leases held outside of the process, which its end does not end.
ALTER TABLE errand ADD COLUMN fades INTEGER NOT NULL DEFAULT 0;
ALTER TABLE errand ADD COLUMN first_leased_at REAL NOT NULL DEFAULT 0.0;
ALTER TABLE errand ADD COLUMN outlives INTEGER NOT NULL DEFAULT 0;
