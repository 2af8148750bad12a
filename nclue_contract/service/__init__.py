"""The service: responds like NCLUE. With its ASGI application and server, a recorder of requests, and injectable faults."""
