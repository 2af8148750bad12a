"""Tests of what people install and read: the wheel, the public interface, CI files, README, examples."""
