"""Readers of recordings: HAR, cassettes of VCR libraries, the journal of `serve`, and JSON Lines of exchanges."""
