"""Readers of saved pages: one for each format, and the choice among them. Each returns a `Page`."""
