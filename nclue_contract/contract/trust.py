"""Which certificates of servers are trusted."""

from __future__ import annotations

import ssl


def tls_context(cafile: str | None) -> ssl.SSLContext:
    """Return the settings of TLS connections to a server: the system's certificates, or those of a file (PEM). Raises `ValueError`."""
    try:
        return ssl.create_default_context(cafile=cafile)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"--cacert: {cafile} holds no certificates in PEM") from error
