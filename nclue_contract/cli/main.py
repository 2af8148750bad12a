"""The command `nclue-contract`: parse the options, run the command, and turn errors of the user into a sentence and an exit code."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from nclue_contract import __version__
from nclue_contract.cli.arguments import RULES, jobs, positive_integer, report_targets, size
from nclue_contract.cli.colour import add_option as add_color
from nclue_contract.cli.config import ConfigError, ProjectSettings, load, load_config
from nclue_contract.cli.examples import add_examples
from nclue_contract.cli.messages import discard, flush_errors, print_error
from nclue_contract.cli.signals import standard_input, termination_as_interruption
from nclue_contract.cli.valid_blocks import fast_version
from nclue_contract.contract.extras import MissingExtraError
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings, parse_pins
from nclue_contract.contract.wording import nearest
from nclue_contract.validation.reports.base import FORMATS, INCONCLUSIVE, MAX_RESULTS, PASSED, USAGE, Run

if TYPE_CHECKING:
    from nclue_contract.cli.traffic import Output
    from nclue_contract.traffic.judge import JudgeOptions

_DESCRIPTION = "Validate payloads and servers against the contract of NAVER Cloud's NCLUE tasks API."
_EXIT_CODES = "Exit codes: 0 passed, 1 failed, 2 usage or unreadable input, 3 inconclusive."


P = ParamSpec("P")
R = TypeVar("R")


class UsageError(Exception):
    """The command cannot be run with these arguments; the message says why."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, or those of the process, and return the exit code."""
    if sys.stdout is None:  # standard output is closed
        print_error("standard output is closed")
        return USAGE
    code = USAGE
    try:
        # Every command has files to write whole or not at all, so every one of them ends in order. (`serve` has handlers of its own.)
        with termination_as_interruption():
            return _run(argv)
    except BrokenPipeError:
        # The reader of the pipe has closed it.
        discard(sys.stdout)
        return INCONCLUSIVE
    except (UsageError, ConfigError, MissingExtraError) as error:
        message = str(error)
    except OSError as error:
        discard(sys.stdout)
        message = f"cannot write {error.filename or 'the output'}: {error.strerror or error}"
    except MemoryError:
        message = "there is too little memory for this"
    except KeyboardInterrupt:
        message, code = "interrupted", INCONCLUSIVE
    print_error(message)  # after the error, which holds on to everything that has filled the memory
    return code


def _run(argv: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    command = next((word for word in words if not word.startswith("-")), "")
    if command not in {"", *_BUILDERS}:
        near = nearest(command, _BUILDERS)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(_BUILDERS)}"
        raise UsageError(f"there is no command {command!r:.80}; {hint}")
    try:
        options = _parser(command).parse_args(words)
    except SystemExit:  # argparse has printed the help or a message, and ignores that it cannot be written
        sys.stdout.flush()
        flush_errors()
        raise
    options.words = words[1:]
    code: int = options.run(options)
    sys.stdout.flush()
    return code


def _parser(command: str = "") -> argparse.ArgumentParser:
    """Return the parser. With the name of a command it has only that one and those built with it: most imports are for one command."""
    parser = argparse.ArgumentParser(prog="nclue-contract", description=_DESCRIPTION, epilog=_EXIT_CODES)
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--reading",
        action="append",
        default=[],
        metavar="ID=OPTION",
        help="pin a reading of the documentation; `explain` lists them (repeatable)",
    )
    common.add_argument("--version", action=_Version)
    for add in [_BUILDERS[command]] if command in _BUILDERS else dict.fromkeys(_BUILDERS.values()):
        add(commands, common)
    for name, added in commands.choices.items():
        add_examples(name, added)
    return parser


class _Version(argparse.Action):
    """Prints the versions of the tool, the contract, and the extra `fast` if it is installed."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help="show program's version number and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        parts = [f"contract {contract().revision}", *filter(None, [fast_version()])]
        print(f"nclue-contract {__version__} ({', '.join(parts)})")
        parser.exit()


def _add_validate(commands: Any, common: argparse.ArgumentParser) -> None:  # noqa: ANN401  # argparse's own type has no public name
    validate = commands.add_parser("validate", parents=[common], help="validate payloads of createTask", epilog=_EXIT_CODES)
    validate.add_argument("names", nargs="*", metavar="FILE", help="file, folder, glob, or - for standard input (the default)")
    validate.add_argument("--strict", action="store_true", default=None, help="treat warnings as errors")
    validate.add_argument("--ignore", action="append", default=[], metavar="RULE", help=f"ignore {RULES}")
    validate.add_argument("--format", choices=FORMATS["validate"], default="text", help="format of standard output")
    validate.add_argument("--report", action="append", default=[], metavar="FORMAT:PATH", help="also write a report to a file (repeatable)")
    validate.add_argument(
        "--input-format", choices=("json", "jsonl"), help="one JSON text, or one per line; by default the extension and the content decide"
    )
    longest = "longest line, or JSON text that is not one per line; B, kB, MB or GB (%(default)s)"
    validate.add_argument("--max-line", type=size, default="64MB", metavar="SIZE", help=longest)
    most = f"SARIF: at most so many results, errors first; what is left out is counted ({MAX_RESULTS:,}, the limit of GitHub)"
    validate.add_argument("--max-results", type=positive_integer, metavar="N", help=most)
    processes = "worker processes for long inputs, or `auto`: as many as there are usable cores (%(default)s); the output is the same"
    validate.add_argument("--jobs", type=jobs, default=1, metavar="N", help=processes)
    add_color(validate)
    validate.add_argument("--quiet", action="store_true", help="text format: only a line per error")
    validate.add_argument("--fail-on-empty", action="store_true", help="exit with 3 when an input contains no payload")
    validate.set_defaults(run=_validate)


def _add_explain(commands: Any, common: argparse.ArgumentParser) -> None:  # noqa: ANN401  # as above
    explain = commands.add_parser("explain", parents=[common], help="explain a rule, a reading or an error code")
    explain.add_argument(
        "name", nargs="?", metavar="RULE|READING", help="such as NC120, path-character or path-high-codes; without it, the list"
    )
    explain.set_defaults(run=_explain)


def _add_spec(commands: Any, common: argparse.ArgumentParser) -> None:  # noqa: ANN401  # as above
    from nclue_contract.contract.json_schema import DRAFTS  # noqa: PLC0415  # for this command only

    spec = commands.add_parser("spec", parents=[common], help="print the OpenAPI document")
    what = spec.add_mutually_exclusive_group()
    what.add_argument("--path", action="store_true", help="print the path of the file (default readings)")
    what.add_argument("--json", action="store_true", help="print the document, with the readings applied to its schemas (the default)")
    what.add_argument("--schema", metavar="NAME", help="print one schema, such as TaskRequest, as a JSON Schema that stands alone")
    spec.add_argument("--draft", choices=DRAFTS, help=f"draft of JSON Schema for --schema (default: {next(iter(DRAFTS))})")
    spec.set_defaults(run=_spec)


def _add_sign(commands: Any, _common: argparse.ArgumentParser) -> None:  # noqa: ANN401  # as above
    sign = commands.add_parser("sign", help="print the signed headers of a request, with the keys in NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY")
    sign.add_argument("method", metavar="METHOD", help="such as GET or POST")
    sign.add_argument("url", metavar="URL", help="absolute URL with its query, encoded as it is sent")
    sign.add_argument("--timestamp", metavar="MS", help="milliseconds since 1970-01-01 UTC (default: now)")
    sign.add_argument("--curl", action="store_true", help="print a curl command instead; the signature is valid for five minutes")
    sign.add_argument("--version", action=_Version)
    sign.set_defaults(run=_sign)


def _add_check(commands: Any, common: argparse.ArgumentParser) -> None:  # noqa: ANN401  # as above
    from nclue_contract.cli import check as check_command  # noqa: PLC0415  # for these commands only

    for name, command in check_command.add_parsers(commands, common).items():
        command.set_defaults(run={"check": _check, "probe": _probe, "cleanup": _cleanup}[name], command=command)


def _add_traffic(commands: Any, common: argparse.ArgumentParser) -> None:  # noqa: ANN401  # as above
    from nclue_contract.cli.traffic_arguments import add_proxy, add_traffic  # noqa: PLC0415  # for these commands only

    add_traffic(commands, common).set_defaults(run=_traffic)
    add_proxy(commands, common).set_defaults(run=_proxy)


def _add_serve(commands: Any, common: argparse.ArgumentParser) -> None:  # noqa: ANN401  # as above
    from nclue_contract.cli.serve import add_parsers  # noqa: PLC0415  # for these commands only

    serve, faults = add_parsers(commands, common)
    serve.set_defaults(run=_serve)
    faults.set_defaults(run=_faults)


def _add_docs_drift(commands: Any, common: argparse.ArgumentParser) -> None:  # noqa: ANN401  # as above
    from nclue_contract.cli.docs_drift_arguments import add_parser  # noqa: PLC0415  # for this command only

    add_parser(commands, common).set_defaults(run=_docs_drift)


def _add_completion(commands: Any, _common: argparse.ArgumentParser) -> None:  # noqa: ANN401  # as above
    from nclue_contract.cli.completion import add_parser  # noqa: PLC0415  # for this command only

    add_parser(commands).set_defaults(run=_completion)


_BUILDERS: Mapping[str, Callable[[Any, argparse.ArgumentParser], None]] = {
    "validate": _add_validate,
    "explain": _add_explain,
    "spec": _add_spec,
    "sign": _add_sign,
    **dict.fromkeys(("check", "probe", "cleanup"), _add_check),
    **dict.fromkeys(("traffic", "proxy"), _add_traffic),
    **dict.fromkeys(("serve", "faults"), _add_serve),
    "docs-drift": _add_docs_drift,
    "completion": _add_completion,
}
"""What adds the parser of each command."""


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
    from nclue_contract.cli.workers import WorkerError  # noqa: PLC0415
    from nclue_contract.validation.validator import Validator  # noqa: PLC0415

    settings, readings = _settings(options)
    strict = settings.strict if options.strict is None else options.strict
    validator = Validator(readings, strict=strict, ignore=_rules(settings, options.ignore))
    names = options.names or ["-"]
    if not options.names and (sys.stdin is None or sys.stdin.isatty()):  # None when it is closed
        message = "nothing to validate: name files, folders or globs, or pipe a payload in"
        raise UsageError(message)
    reports = _usable("--report", report_targets, options.report, FORMATS["validate"])
    run = _run_of(readings, validator.ignore, strict=strict)
    if options.max_results is not None and "sarif" not in {options.format, *(form for form, _ in reports)}:
        message = "--max-results concerns SARIF: add --format sarif or --report sarif:PATH"
        raise UsageError(message)
    wanted = ValidateOptions(
        names,
        options.input_format,
        options.format,
        reports,
        quiet=options.quiet,
        max_line=options.max_line,
        max_results=options.max_results or MAX_RESULTS,
        color=options.color,
        fail_on_empty=options.fail_on_empty,
        jobs=options.jobs,
    )
    try:
        return _usable("", validate, validator, run, wanted, standard_input(), sys.stdout, sys.stderr or io.StringIO())
    except WorkerError as error:
        raise UsageError(str(error)) from error


def _traffic(options: argparse.Namespace) -> int:
    from nclue_contract.cli.traffic import run_traffic, servers_of  # noqa: PLC0415  # for this command only

    judging, run, output = _judging(options, "traffic")
    judging = replace(judging, servers=_usable("", servers_of, options))
    return _usable("", run_traffic, judging, run, options.names, output, standard_input(), sys.stdout, sys.stderr or io.StringIO())


def _proxy(options: argparse.Namespace) -> int:
    judging, run, output = _judging(options, "proxy")
    if options.har is not None:
        _usable("--har", report_targets, [f"har:{options.har}"], ("har",))
    from nclue_contract.cli.proxy import run_proxy  # noqa: PLC0415  # for this command only, and it needs an extra

    return _usable("", run_proxy, options, judging, run, output, sys.stdout, sys.stderr or io.StringIO())


def _docs_drift(options: argparse.Namespace) -> int:
    from nclue_contract.cli.docs_drift import run_docs_drift  # noqa: PLC0415  # for this command only

    _, readings = _settings(options)
    reports = _usable("--report", report_targets, options.report, FORMATS["docs-drift"])
    return _usable("", run_docs_drift, options, readings, reports, standard_input(), sys.stdout, sys.stderr or io.StringIO())


def _judging(options: argparse.Namespace, command: str) -> tuple[JudgeOptions, Run, Output]:
    """Return how the exchanges are judged, what the reports carry, and where they go."""
    from nclue_contract.cli.traffic import Output, judge_options  # noqa: PLC0415  # for the commands about traffic only

    settings, readings = _settings(options)
    strict = settings.strict if options.strict is None else options.strict
    reports = _usable("--report", report_targets, options.report, FORMATS[command])
    judging = _usable("", judge_options, options, readings, _rules(settings, options.ignore), os.environ, strict=strict)
    run = _run_of(readings, judging.ignore, strict=strict, noun="exchange")
    return judging, run, Output(options.format, reports, options.quiet)


def _run_of(readings: Readings, ignored: Iterable[str], *, strict: bool, noun: str = "payload") -> Run:
    return Run(__version__, contract().revision, readings, strict, tuple(sorted(ignored)), noun)


def _usable(source: str, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return the result of a call whose `ValueError` is an error of the user; `source`, an option or a file, begins the message."""
    try:
        return call(*args, **kwargs)
    except ValueError as error:
        raise UsageError(f"{source}: {error}" if source else str(error)) from error


def _rules(settings: ProjectSettings, option: Sequence[str] = ()) -> list[str]:
    """Return the codes of the rules to ignore, of the settings and of the option `--ignore`. Raises `UsageError`."""
    named = [(str(settings.path), name) for name in settings.ignore] + [("--ignore", name) for name in option]
    return [code for source, name in named for code in _usable(source, contract().select_rules, [name])]


def _explain(options: argparse.Namespace) -> int:
    from nclue_contract.validation.explain import explain, overview  # noqa: PLC0415
    from nclue_contract.validation.reports.excerpt import safe_line  # noqa: PLC0415  # for this command only

    _, readings = _settings(options)
    text = _usable("", explain, contract(), options.name, readings) if options.name else overview(contract())
    for line in text.splitlines():
        print(safe_line(line, sys.stdout.encoding or "ascii"))
    return PASSED


def _spec(options: argparse.Namespace) -> int:
    from nclue_contract.contract.json_schema import DRAFTS, standalone_schema  # noqa: PLC0415  # for this command only
    from nclue_contract.contract.openapi import document  # noqa: PLC0415

    _, readings = _settings(options)
    if options.draft and options.schema is None:
        message = "--draft needs --schema: the OpenAPI document has its own draft"
        raise UsageError(message)
    if not options.path:
        pins = {name: readings[name] for name in readings if readings.pinned(name)}
        api = document(readings if pins else None)
        if options.schema is not None:
            comment = f"nclue-contract {__version__}, contract {contract().revision}; {_pins_in_words(pins)}"
            api = _usable("--schema", standalone_schema, api, options.schema, options.draft or next(iter(DRAFTS)), comment)
        print(json.dumps(api, indent=1))
        return PASSED
    path = Path(__file__).parent.parent / "contract" / "openapi.json"
    if not path.is_file():
        message = "the package is not unpacked, so the document is not a file; use `nclue-contract spec --json`"
        raise UsageError(message)
    print(path)
    return PASSED


def _pins_in_words(pins: dict[str, str]) -> str:
    return "readings: " + ", ".join(f"{name}={option}" for name, option in pins.items()) if pins else "default readings"


def _sign(options: argparse.Namespace) -> int:
    from nclue_contract.cli.sign import curl_command, header_lines, sign  # noqa: PLC0415  # for this command only
    from nclue_contract.signing import now_ms  # noqa: PLC0415

    headers = _usable("", sign, options.method, options.url, os.environ, now_ms(), options.timestamp)
    print(curl_command(options.method, options.url, headers) if options.curl else header_lines(headers))
    return PASSED


def _check_settings(options: argparse.Namespace) -> tuple[ProjectSettings, Readings]:
    """Return what `_settings` does, and set the options of the check that the settings have, unless the command line has them."""
    from nclue_contract.cli.check import check_parser  # noqa: PLC0415  # for these commands only
    from nclue_contract.cli.check_settings import apply_settings  # noqa: PLC0415

    settings, readings = _settings(options)
    apply_settings(settings, check_parser(), options.command, options.words, options)
    return settings, readings


def _check(options: argparse.Namespace) -> int:
    from nclue_contract.cli.check import run_check  # noqa: PLC0415  # for this command only
    from nclue_contract.cli.check_settings import used_settings  # noqa: PLC0415

    settings, readings = _check_settings(options)
    strict = settings.strict if options.strict is None else options.strict
    reports = _usable("--report", report_targets, options.report, FORMATS["check"])
    if not options.explore and (options.explore_examples is not None or options.seed is not None):
        message = "--explore-examples and --seed concern the exploration: add --explore SECONDS"
        raise UsageError(message)
    options.skip = [*_rules(settings), *options.skip]
    return _usable("", run_check, options, readings, reports, strict=strict, settings=used_settings(settings))


def _probe(options: argparse.Namespace) -> int:
    from nclue_contract.cli.check import run_probe  # noqa: PLC0415  # for this command only

    _, readings = _check_settings(options)
    return _usable("", run_probe, options, readings)


def _cleanup(options: argparse.Namespace) -> int:
    from nclue_contract.cli.check import run_cleanup  # noqa: PLC0415  # for this command only

    options.reading = []  # it has no readings
    _check_settings(options)
    return _usable("", run_cleanup, options)


def _serve(options: argparse.Namespace) -> int:
    from nclue_contract.cli.serve import run_serve  # noqa: PLC0415  # for this command only

    _, readings = _settings(options)
    return _usable("", run_serve, options, readings)


def _completion(options: argparse.Namespace) -> int:
    from nclue_contract.cli.completion import completion_script  # noqa: PLC0415  # for this command only

    print(completion_script(_parser(), options.shell))
    return PASSED


def _faults(options: argparse.Namespace) -> int:
    from nclue_contract.cli.serve import run_faults  # noqa: PLC0415  # for this command only

    _settings(options)
    return run_faults()
