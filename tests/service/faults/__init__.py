"""Tests of service.faults."""
