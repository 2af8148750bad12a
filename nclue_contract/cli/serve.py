"""The commands `serve` and `faults`: options, and how they run. The service and its faults are imported only when one of them runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nclue_contract.cli.arguments import add_listening, positive_integer
from nclue_contract.contract.extras import require_extra
from nclue_contract.contract.hosts import is_loopback
from nclue_contract.contract.readings import Readings
from nclue_contract.signing import EXAMPLE
from nclue_contract.validation.reports.base import PASSED

if TYPE_CHECKING:
    from nclue_contract.service.service import Service

_ENVIRONMENT = """\
The accepted key pair is read from NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY; if neither is set, an example pair is accepted and printed.
"LISTENING" and the base URL are printed when the server is ready, then "PAGE" and the address of a page that shows live what happens.
SIGTERM and SIGINT (Ctrl+C) end it with exit code 0."""


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:  # noqa: ANN401  # argparse's own type has no public name
    """Add the parsers of `serve` and `faults` and return them; `common` has the options of all commands."""
    serve = commands.add_parser("serve", parents=[common], help="run a local server that responds like NCLUE", epilog=_ENVIRONMENT)
    add_listening(serve)
    serve.add_argument(
        "--progress", default="immediate", metavar="MODE", help="immediate (the default), seconds[:0.5], reads[:1] per step, or manual"
    )
    serve.add_argument("--fault", action="append", default=[], metavar="ID", help="inject a known fault; `faults` lists them (repeatable)")
    serve.add_argument("--rate-limit", action="store_true", help="respond with 429 to more than one request per second")
    serve.add_argument("--unknown-feature", action="append", default=[], metavar="ID", help="a feature that does not exist (repeatable)")
    serve.add_argument("--unknown-file", action="append", default=[], metavar="PATH", help="a file that does not exist (repeatable)")
    serve.add_argument("--personal-file", action="append", default=[], metavar="PATH", help="a file with personal data (repeatable)")
    serve.add_argument(
        "--failing-name",
        action="append",
        default=[],
        metavar="NAME=MESSAGE",
        help="a task that fails, and its message (repeatable)",
    )
    serve.add_argument(
        "--failing-file", action="append", default=[], metavar="PATH=MESSAGE", help="a train file whose tasks fail (repeatable)"
    )
    serve.add_argument(
        "--max-tasks", type=positive_integer, default=10_000, metavar="N", help="tasks that are stored; then 503 (%(default)s)"
    )
    serve.add_argument("--no-auth", action="store_true", help="accept every request, signed or not")
    faults = commands.add_parser("faults", parents=[common], help="list the faults that `serve --fault` can inject")
    return serve, faults


def run_serve(options: argparse.Namespace, readings: Readings, environment: Mapping[str, str] = os.environ) -> int:
    """Serve until a signal, and return the exit code. Raises `ValueError` for what the user can correct, and `MissingExtraError`."""
    keys, printed = (None, False) if options.no_auth else accepted_keys(environment)
    service = build(options, readings, keys)
    with require_extra("server", "serve needs uvicorn"):
        from nclue_contract.service.uvicorn_server import base_url, listen, serve_app  # noqa: PLC0415  # uvicorn is an extra
    from nclue_contract.live.service_watch import watched_app  # noqa: PLC0415  # for this command only
    from nclue_contract.service.addressing import AllowedHosts  # noqa: PLC0415  # as above

    if not is_loopback(options.host) and sys.stderr:
        where = options.host or "every address"
        warning = f"{where} is not loopback: other machines can reach this server and read its journal"
        print(f"nclue-contract: warning: {warning}", file=sys.stderr)
    if printed:
        # Only the example pair is ever printed.
        print(f"NCLUE_ACCESS_KEY={EXAMPLE.access_key}\nNCLUE_SECRET_KEY={EXAMPLE.secret_key}")
    try:
        listener = listen(options.host, options.port)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a host name"
        raise ValueError(f"cannot listen on {options.host!r:.80}, port {options.port}: {reason}") from error
    with listener:
        hosts = AllowedHosts.listening((options.host, listener.getsockname()[0]), options.allow_host)
        serve_app(watched_app(service, base_url(listener, service.prefix), hosts), listener, service.prefix, sys.stdout)
    return PASSED


def accepted_keys(environment: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """Return the accepted key pair, and whether it is the example pair, which may be printed. Raises `ValueError` for half a pair."""
    from nclue_contract.signing import VARIABLES, Credentials  # noqa: PLC0415  # for this command only

    if not any(environment.get(name, "").strip() for name in VARIABLES):
        return {EXAMPLE.access_key: EXAMPLE.secret_key}, True
    credentials = Credentials.from_environment(environment)
    return {credentials.access_key: credentials.secret_key}, False


def build(options: argparse.Namespace, readings: Readings, keys: Mapping[str, str] | None) -> Service:
    """Return the service that the options describe. Raises `ValueError`."""
    from nclue_contract.service.lifecycle import ProgressMode  # noqa: PLC0415  # for this command only
    from nclue_contract.service.service import Service  # noqa: PLC0415
    from nclue_contract.service.store import ExternalData, Store  # noqa: PLC0415

    fixture_data = ExternalData(
        unknown_features=frozenset(options.unknown_feature),
        unknown_files=frozenset(options.unknown_file),
        personal_files=frozenset(options.personal_file),
        failing_names=dict(_failing("--failing-name", "NAME", text) for text in options.failing_name),
        failing_files=dict(_failing("--failing-file", "PATH", text) for text in options.failing_file),
    )
    service = Service(
        keys,
        readings=readings,
        progress=ProgressMode.parse(options.progress),
        fixture_data=fixture_data,
        store=Store(options.max_tasks),
        rate_limit=options.rate_limit,
    )
    for text in options.fault:
        from nclue_contract.service.faults.catalogue import inject_fault  # noqa: PLC0415  # for this option only

        inject_fault(service, text)
    return service


def run_faults() -> int:
    """Print the faults that can be injected, a line each, and return the exit code."""
    from nclue_contract.service.faults.catalogue import CATALOGUE  # noqa: PLC0415  # for this command only

    faults = {fault.instances()[0]: fault for fault in CATALOGUE}
    width = max(map(len, faults))
    for spelling, fault in faults.items():
        print(f"{spelling:{width}}  {fault.rule}  {fault.sentence}")
    return PASSED


def _failing(option: str, what: str, text: str) -> tuple[str, str]:
    # A name or path may contain "=", a message of the service does not.
    value, equals, message = text.rpartition("=")
    if not (value and equals and message):
        raise ValueError(f"{option} {text!r:.80}: write it as {what}=MESSAGE")
    return value, message
