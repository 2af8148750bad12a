"""Tests of the layer that judges recorded traffic."""
