-- What runs read costs money, in the unit gb: what one has reported before is not booked again.
ALTER TABLE run ADD COLUMN bytes_reported INTEGER NOT NULL DEFAULT 0;   -- the most under this lease
ALTER TABLE run ADD COLUMN bytes_before   INTEGER NOT NULL DEFAULT 0;   -- the most under the lease before, until a report
ALTER TABLE run ADD COLUMN bytes_unbooked INTEGER NOT NULL DEFAULT 0;
UPDATE run SET bytes_reported = coalesce(CAST(json_extract(progress, '$.bytes') AS INTEGER), 0);
