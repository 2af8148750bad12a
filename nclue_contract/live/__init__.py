"""The live page of `serve` and `proxy`: what happens there, for people with a browser."""
