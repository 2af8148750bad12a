"""What NCLUE would answer: the pure service, its ASGI app and server, and a recorder of requests."""
