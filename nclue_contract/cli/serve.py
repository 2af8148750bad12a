"""The commands `serve` and `faults`: their options, and what is made of them. Opens the doors to uvicorn and to the faults when needed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nclue_contract.contract.hosts import is_loopback
from nclue_contract.contract.readings import Readings
from nclue_contract.signing import EXAMPLE
from nclue_contract.validation.reports.base import PASSED

if TYPE_CHECKING:
    from nclue_contract.service.service import Service

FAKE_KEYS = (EXAMPLE.access_key, EXAMPLE.secret_key)
"""The key pair that is accepted, and printed, when the environment has none."""

INSTALL = "pip install 'nclue-contract[server]'"
"""How to get what `serve` needs."""

_ENVIRONMENT = """\
The accepted key pair is read from NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY; when neither is set, a fake one is printed. "LISTENING" and the
base URL are printed when the server is ready. SIGTERM and SIGINT (Ctrl+C) end it with exit code 0."""


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:  # noqa: ANN401  # argparse's own type has no public name
    """Add the parsers of `serve` and `faults`; `common` brings the options that all commands have."""
    serve = commands.add_parser("serve", parents=[common], help="a server on this machine that answers like NCLUE", epilog=_ENVIRONMENT)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument("--port", type=_port, default=0, help="port to listen on; 0, the default, takes a free one")
    serve.add_argument(
        "--progress", default="immediate", metavar="MODE", help="immediate (the default), seconds[:0.5], reads[:1] per step, or manual"
    )
    serve.add_argument("--fault", action="append", default=[], metavar="ID", help="inject a fault; `faults` lists them (repeatable)")
    serve.add_argument("--rate-limit", action="store_true", help="answer 429 to more than one request per second")
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
    serve.add_argument("--max-tasks", type=_count, default=10_000, metavar="N", help="tasks that are kept; then 503 (%(default)s)")
    serve.add_argument("--no-auth", action="store_true", help="take every request, signed or not")
    faults = commands.add_parser("faults", parents=[common], help="list the faults that `serve --fault` can inject")
    faults.add_argument("--measure", action="store_true", help="run `check` against every fault, and against correct servers")
    faults.add_argument("--only", metavar="PATTERN", default="*", help="measure these faults only, such as 'path-*', and no correct server")
    faults.add_argument("--budget", type=_count, metavar="N", help="with at most so many requests for each")
    faults.add_argument("--format", choices=("text", "json"), default="text", help="of what is measured")
    return serve, faults


def run_serve(options: argparse.Namespace, readings: Readings, environment: Mapping[str, str] = os.environ) -> int:
    """Serve until a signal ends it. Raises `ValueError` with a sentence for everything the user can do something about."""
    keys, printed = (None, False) if options.no_auth else accepted_keys(environment)
    service = build(options, readings, keys)
    try:
        from nclue_contract.service.uvicorn_server import serve  # noqa: PLC0415  # doors are opened when needed
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "uvicorn":
            raise
        raise ValueError(f"serve needs uvicorn; install it with: {INSTALL}") from error
    if not is_loopback(options.host) and sys.stderr:
        where = options.host or "every address"
        warning = f"{where} is not loopback, so others can reach this server, and read what its journal shows"
        print(f"nclue-contract: warning: {warning}", file=sys.stderr)
    if printed:
        # The real thing is never printed: these are the fake ones.
        print(f"NCLUE_ACCESS_KEY={FAKE_KEYS[0]}\nNCLUE_SECRET_KEY={FAKE_KEYS[1]}")
    try:
        serve(service, options.host, options.port, sys.stdout)
    except BrokenPipeError:
        raise
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a host name"
        raise ValueError(f"cannot listen on {options.host!r:.80}, port {options.port}: {reason}") from error
    return PASSED


def accepted_keys(environment: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """The accepted key pair, and whether it may be printed because it is the fake one. Raises `ValueError` for half a pair."""
    from nclue_contract.signing import VARIABLES, Credentials  # noqa: PLC0415  # for this command only

    if not any(environment.get(name, "").strip() for name in VARIABLES):
        return {EXAMPLE.access_key: EXAMPLE.secret_key}, True
    credentials = Credentials.from_environment(environment)
    return {credentials.access_key: credentials.secret_key}, False


def build(options: argparse.Namespace, readings: Readings, keys: Mapping[str, str] | None) -> Service:
    """The service that the options describe. Raises `ValueError`."""
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


def run_faults(options: argparse.Namespace) -> int:
    """Print the faults, a line each; or measure the check against them."""
    if options.measure:
        from nclue_contract.cli.measure_command import run_measure  # noqa: PLC0415  # for this option only

        return run_measure(options.only, options.budget, options.format)
    from nclue_contract.service.faults.catalogue import CATALOGUE  # noqa: PLC0415  # doors are opened when needed

    faults = {fault.instances()[0]: fault for fault in CATALOGUE}
    width = max(map(len, faults))
    for spelling, fault in faults.items():
        print(f"{spelling:{width}}  {fault.rule}  {fault.sentence}")
    return PASSED


def _failing(option: str, what: str, text: str) -> tuple[str, str]:
    # A name or path may hold "=", a message of the system never does.
    value, equals, message = text.rpartition("=")
    if not (value and equals and message):
        raise ValueError(f"{option} {text!r:.80}: write it as {what}=MESSAGE")
    return value, message


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is 0 to 65535")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
