"""Tests of the layer that compares saved pages of the documentation with the contract."""
