"""Tells before sending whether a payload keeps the contract of NAVER Cloud's NCLUE tasks API."""

__version__ = "0.1.0"
