-- A device may be a part of a GPU: a MIG instance.
CREATE TABLE parted_rate (
    id            INTEGER PRIMARY KEY,
    provider      TEXT NOT NULL,
    region        TEXT NOT NULL,
    instance_type TEXT NOT NULL,
    pricing_model TEXT NOT NULL,
    per_hour      TEXT NOT NULL,    -- of the whole instance, decimal
    devices       INTEGER NOT NULL CHECK (devices >= 1),
    currency      TEXT NOT NULL,
    part          TEXT NOT NULL,    -- of one of the devices, as a fraction: 1, 2/7
    UNIQUE (provider, region, instance_type, pricing_model, per_hour, devices, currency, part)
) STRICT;
INSERT INTO parted_rate SELECT *, '1' FROM rate;
DROP TABLE rate;
ALTER TABLE parted_rate RENAME TO rate;

ALTER TABLE run ADD COLUMN pids TEXT NOT NULL DEFAULT '[]';     -- JSON array
