-- Which letters somebody carries at the moment: when the platform starts, nobody does.
ALTER TABLE letter ADD COLUMN leased INTEGER NOT NULL DEFAULT 0;
