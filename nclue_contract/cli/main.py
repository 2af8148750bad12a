"""The command `nclue-contract`: parse the options, run the command, and turn errors of the user into a sentence and an exit code."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from nclue_contract import __version__
from nclue_contract.cli import check as check_command
from nclue_contract.cli.arguments import report_targets
from nclue_contract.cli.check_settings import apply_settings, used_settings
from nclue_contract.cli.config import ConfigError, ProjectSettings, load, load_config
from nclue_contract.cli.messages import print_error
from nclue_contract.cli.serve import add_parsers, run_faults, run_serve
from nclue_contract.cli.signals import termination_as_interruption
from nclue_contract.contract.extras import MissingExtraError
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings, parse_pins
from nclue_contract.signing import now_ms
from nclue_contract.validation.reports.base import FORMATS, INCONCLUSIVE, PASSED, USAGE, Run

_DESCRIPTION = "Validate payloads and servers against the contract of NAVER Cloud's NCLUE tasks API."
_EXIT_CODES = "Exit codes: 0 passed, 1 failed, 2 usage or unreadable input, 3 inconclusive."


P = ParamSpec("P")
R = TypeVar("R")


class UsageError(Exception):
    """The command cannot be run with these arguments; the message says why."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, or those of the process, and return the exit code."""
    options = _parser().parse_args(argv)
    options.words = list(sys.argv[1:] if argv is None else argv)[1:]
    if sys.stdout is None:  # standard output is closed
        print_error("standard output is closed")
        return USAGE
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except (UsageError, ConfigError, MissingExtraError) as error:
        print_error(str(error))
        return USAGE
    except BrokenPipeError:
        # The reader of the pipe has closed it.
        _discard_output()
        return INCONCLUSIVE
    except OSError as error:
        _discard_output()
        print_error(f"cannot write {error.filename or 'the output'}: {error.strerror or error}")
        return USAGE
    except KeyboardInterrupt:
        print_error("interrupted")
        return INCONCLUSIVE
    return code


def _discard_output() -> None:
    """Redirect standard output, so that Python does not report the same error again when it flushes the buffer at exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nclue-contract", description=_DESCRIPTION, epilog=_EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"nclue-contract {__version__} (contract {contract().revision})")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--reading",
        action="append",
        default=[],
        metavar="ID=OPTION",
        help="pin a reading of the documentation; `explain` lists them (repeatable)",
    )
    common.add_argument("--version", action="version", version=f"nclue-contract {__version__} (contract {contract().revision})")

    validate = commands.add_parser("validate", parents=[common], help="validate payloads of createTask", epilog=_EXIT_CODES)
    validate.add_argument("names", nargs="*", metavar="FILE", help="file, folder, glob, or - for standard input (the default)")
    validate.add_argument("--strict", action="store_true", default=None, help="treat warnings as errors")
    validate.add_argument("--ignore", action="append", default=[], metavar="RULE", help="ignore a rule, by code or slug (repeatable)")
    validate.add_argument("--format", choices=FORMATS["validate"], default="text", help="format of standard output")
    validate.add_argument("--report", action="append", default=[], metavar="FORMAT:PATH", help="also write a report to a file (repeatable)")
    validate.add_argument(
        "--input-format", choices=("json", "jsonl"), help="one JSON text, or one per line; by default the extension and the content decide"
    )
    validate.add_argument("--quiet", action="store_true", help="text format: only a line per error")
    validate.add_argument("--fail-on-empty", action="store_true", help="exit with 3 when an input contains no payload")
    validate.set_defaults(run=_validate)

    explain = commands.add_parser("explain", parents=[common], help="explain a rule, a reading or an error code")
    explain.add_argument(
        "name", nargs="?", metavar="RULE|READING", help="such as NC120, path-character or path-high-codes; without it, the list"
    )
    explain.set_defaults(run=_explain)

    spec = commands.add_parser("spec", parents=[common], help="print the OpenAPI document")
    what = spec.add_mutually_exclusive_group()
    what.add_argument("--path", action="store_true", help="print the path of the file (default readings)")
    what.add_argument("--json", action="store_true", help="print the document, with the readings applied to its schemas (the default)")
    spec.set_defaults(run=_spec)

    sign = commands.add_parser("sign", help="print the signed headers of a request, with the keys in NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY")
    sign.add_argument("method", metavar="METHOD", help="such as GET or POST")
    sign.add_argument("url", metavar="URL", help="absolute URL with its query, encoded as it is sent")
    sign.add_argument("--timestamp", metavar="MS", help="milliseconds since 1970-01-01 UTC (default: now)")
    sign.add_argument("--curl", action="store_true", help="print a curl command instead; the signature is valid for five minutes")
    sign.add_argument("--version", action="version", version=f"nclue-contract {__version__} (contract {contract().revision})")
    sign.set_defaults(run=_sign)

    for name, command in check_command.add_parsers(commands, common).items():
        command.set_defaults(run={"check": _check, "probe": _probe, "cleanup": _cleanup}[name], command=command)
    serve, faults = add_parsers(commands, common)
    serve.set_defaults(run=_serve)
    faults.set_defaults(run=_faults)
    return parser


def _settings(options: argparse.Namespace) -> tuple[ProjectSettings, Readings]:
    """Return the project's settings and the readings: option before settings file before default. Raises `UsageError`."""
    config: Path | None = getattr(options, "config", None)
    try:
        settings = load(Path.cwd()) if config is None else load_config(config)
    except FileNotFoundError as error:
        message = "the current folder does not exist any more"
        raise UsageError(message) from error
    layers = [(str(settings.path), settings.readings), ("--reading", _usable("--reading", parse_pins, options.reading))]
    for layer in layers:
        _usable(layer[0], Readings.choose, layer)
    return settings, Readings.choose(*layers)


def _validate(options: argparse.Namespace) -> int:
    from nclue_contract.cli.validate import ValidateOptions, validate  # noqa: PLC0415  # for this command only
    from nclue_contract.validation.validator import Validator  # noqa: PLC0415

    settings, readings = _settings(options)
    strict = settings.strict if options.strict is None else options.strict
    validator = Validator(readings, strict=strict, ignore=_rules(settings, options.ignore))
    names = options.names or ["-"]
    if not options.names and (sys.stdin is None or sys.stdin.isatty()):  # None when it is closed
        message = "nothing to validate: name files, folders or globs, or pipe a payload in"
        raise UsageError(message)
    reports = _usable("--report", report_targets, options.report, FORMATS["validate"])
    ignored = tuple(sorted(validator.ignore))
    run = Run(version=__version__, revision=contract().revision, readings=readings, strict=strict, ignored=ignored)
    wanted = ValidateOptions(names, options.input_format, options.format, reports, options.quiet, options.fail_on_empty)
    stdin = sys.stdin.buffer if sys.stdin else None  # None when it is closed
    return _usable("", validate, validator, run, wanted, stdin, sys.stdout, sys.stderr or io.StringIO())


def _usable(source: str, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return the result of a call whose `ValueError` is an error of the user; `source`, an option or a file, begins the message."""
    try:
        return call(*args, **kwargs)
    except ValueError as error:
        raise UsageError(f"{source}: {error}" if source else str(error)) from error


def _rules(settings: ProjectSettings, option: Sequence[str] = ()) -> list[str]:
    """Return the codes of the rules to ignore, of the settings and of the option `--ignore`. Raises `UsageError`."""
    named = [(str(settings.path), name) for name in settings.ignore] + [("--ignore", name) for name in option]
    return [_usable(source, contract().require_rule, name).code for source, name in named]


def _explain(options: argparse.Namespace) -> int:
    from nclue_contract.validation.explain import explain, overview  # noqa: PLC0415
    from nclue_contract.validation.reports.excerpt import safe  # noqa: PLC0415  # for this command only

    _, readings = _settings(options)
    text = _usable("", explain, contract(), options.name, readings) if options.name else overview(contract())
    for line in text.splitlines():
        print(safe(line, sys.stdout.encoding or "ascii"))
    return PASSED


def _spec(options: argparse.Namespace) -> int:
    from nclue_contract.contract.openapi import document  # noqa: PLC0415  # for this command only

    _, readings = _settings(options)
    if not options.path:
        pinned = any(map(readings.pinned, readings))
        print(json.dumps(document(readings if pinned else None), indent=1))
        return PASSED
    path = Path(__file__).parent.parent / "contract" / "openapi.json"
    if not path.is_file():
        message = "the package is not unpacked, so the document is not a file; use `nclue-contract spec --json`"
        raise UsageError(message)
    print(path)
    return PASSED


def _sign(options: argparse.Namespace) -> int:
    from nclue_contract.cli.sign import curl_command, header_lines, sign  # noqa: PLC0415  # for this command only

    headers = _usable("", sign, options.method, options.url, os.environ, now_ms(), options.timestamp)
    print(curl_command(options.method, options.url, headers) if options.curl else header_lines(headers))
    return PASSED


def _check_settings(options: argparse.Namespace) -> tuple[ProjectSettings, Readings]:
    """Return what `_settings` does, and set the options of the check that the settings have, unless the command line has them."""
    settings, readings = _settings(options)
    apply_settings(settings, check_command.check_parser(), options.command, options.words, options)
    return settings, readings


def _check(options: argparse.Namespace) -> int:
    settings, readings = _check_settings(options)
    strict = settings.strict if options.strict is None else options.strict
    reports = _usable("--report", report_targets, options.report, FORMATS["check"])
    options.skip = [*_rules(settings), *options.skip]
    with termination_as_interruption():
        return _usable("", check_command.run_check, options, readings, reports, strict=strict, settings=used_settings(settings))


def _probe(options: argparse.Namespace) -> int:
    _, readings = _check_settings(options)
    with termination_as_interruption():
        return _usable("", check_command.run_probe, options, readings)


def _cleanup(options: argparse.Namespace) -> int:
    options.reading = []  # it has no readings
    _check_settings(options)
    with termination_as_interruption():
        return _usable("", check_command.run_cleanup, options)


def _serve(options: argparse.Namespace) -> int:
    _, readings = _settings(options)
    return _usable("", run_serve, options, readings)


def _faults(options: argparse.Namespace) -> int:
    _settings(options)
    return run_faults()
