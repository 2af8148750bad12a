"""The validating proxy: passes requests and responses on, and has every exchange judged."""
