"""Recorded traffic: exchanges read from files, judged one by one, and together per server."""
