"""The ledger's schema, one file a version: `0001.sql` makes version 1 of an empty file, and so on."""
