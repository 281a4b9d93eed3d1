CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE device (
    uuid      TEXT PRIMARY KEY,
    kind      TEXT NOT NULL,
    model     TEXT NOT NULL,
    boot_id   TEXT NOT NULL,
    booked_ns INTEGER NOT NULL      -- CLOCK_BOOTTIME within boot_id
) STRICT;

CREATE TABLE rate (
    id            INTEGER PRIMARY KEY,
    provider      TEXT NOT NULL,
    region        TEXT NOT NULL,
    instance_type TEXT NOT NULL,
    pricing_model TEXT NOT NULL,
    per_hour      TEXT NOT NULL,    -- of the whole instance, decimal
    devices       INTEGER NOT NULL CHECK (devices >= 1),
    currency      TEXT NOT NULL,
    UNIQUE (provider, region, instance_type, pricing_model, per_hour, devices, currency)
) STRICT;

CREATE TABLE run (
    id              INTEGER PRIMARY KEY,
    name            TEXT NOT NULL UNIQUE,
    project         TEXT NOT NULL,
    team            TEXT NOT NULL,
    user            TEXT NOT NULL,
    model           TEXT NOT NULL,
    dataset         TEXT NOT NULL,
    devices         TEXT,           -- JSON array of UUIDs; NULL: every device
    lease           TEXT NOT NULL,
    start_time_ns   INTEGER NOT NULL,
    boot_id         TEXT NOT NULL,
    start_ns        INTEGER NOT NULL,
    renewed_ns      INTEGER NOT NULL,
    renewed_time_ns INTEGER NOT NULL,
    end_ns          INTEGER,
    end_time_ns     INTEGER,
    result          TEXT,
    progress        TEXT NOT NULL   -- JSON object
) STRICT;

CREATE TABLE usage (
    quarter  INTEGER NOT NULL,      -- quarter hours of UTC since 1970
    uuid     TEXT NOT NULL REFERENCES device (uuid),
    rate     INTEGER NOT NULL,      -- rate.id; 0: no price
    run      INTEGER NOT NULL,      -- run.id; 0: no run
    category TEXT NOT NULL,
    share    TEXT NOT NULL,
    ns       INTEGER NOT NULL CHECK (ns > 0),
    PRIMARY KEY (quarter, uuid, rate, run, category, share)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_run ON usage (run);
