-- Money goes for more than the time of devices: a volume costs by the GB and month.
CREATE TABLE rate_by_unit (
    id            INTEGER PRIMARY KEY,
    provider      TEXT NOT NULL,
    region        TEXT NOT NULL,
    instance_type TEXT NOT NULL,
    pricing_model TEXT NOT NULL,
    price         TEXT NOT NULL,    -- of one unit, decimal
    unit          TEXT NOT NULL,    -- hour: of the whole instance; gb_month
    devices       INTEGER NOT NULL CHECK (devices >= 1),
    currency      TEXT NOT NULL,
    part          TEXT NOT NULL,    -- of one of the devices, as a fraction: 1, 2/7; of a volume its GB
    UNIQUE (provider, region, instance_type, pricing_model, price, unit, devices, currency, part)
) STRICT;
INSERT INTO rate_by_unit
    SELECT id, provider, region, instance_type, pricing_model, per_hour, 'hour', devices, currency, part FROM rate;
DROP TABLE rate;
ALTER TABLE rate_by_unit RENAME TO rate;

ALTER TABLE usage RENAME COLUMN ns TO quantity;     -- as the unit counts it
