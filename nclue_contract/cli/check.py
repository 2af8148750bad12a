"""The commands `check`, `probe` and `cleanup`: options, and how they run. The check itself is imported only when one of them runs."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nclue_contract import __version__
from nclue_contract.cli.arguments import RULES, number_or_word, positive_integer, rate, seconds, seconds_or_none
from nclue_contract.cli.colour import add_option as add_color
from nclue_contract.cli.colour import use_colour
from nclue_contract.cli.config import READINGS_TABLE
from nclue_contract.cli.files import atomic_file
from nclue_contract.cli.messages import print_error, print_reason
from nclue_contract.cli.progress import ProgressBar
from nclue_contract.contract import server_data
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.wording import counted
from nclue_contract.signing import Credentials, now_ms
from nclue_contract.validation.reports.base import FORMATS, INCONCLUSIVE, PASSED, USAGE

if TYPE_CHECKING:
    from nclue_contract.check.results import CheckResult
    from nclue_contract.check.run import CheckOptions

_EPILOG = """\
The key pair is read from NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY; on loopback an example pair is used if there is none. Hosts that are not
loopback get no create requests unless --allow-create says how many; the real service gets at most one request per second. Exit codes: 0
passed, 1 failed, 2 usage or unreadable input, 3 inconclusive."""

EXAMPLES, SEED = 100, 1
"""The defaults of `--explore-examples` and `--seed`."""

_NAME = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""The name of a header (RFC 9110, section 5.6.2)."""


def add_check(check: argparse.ArgumentParser) -> None:
    """Add the options of the check; a settings file may have all of them, see `check_settings`."""
    check.add_argument("url", nargs="?", metavar="URL", help="base URL, without /tasks; by default the embedded reference server")
    add_server(check)
    add_choice(check)
    check.add_argument("--strict", action="store_true", default=None, help="treat advisories, such as unknown fields, as failures")
    check.add_argument("--baseline", type=Path, metavar="FILE", help="an earlier JSON report, whose failures are accepted")
    check.add_argument("--reproduce-dir", type=Path, metavar="DIR", help="write bodies that do not fit into a command to files in DIR")
    only_failed = "an earlier JSON report: run the cases that failed in it, with those that decide them"
    check.add_argument("--only-failed", type=Path, metavar="FILE", help=only_failed)
    check.add_argument("--fail-on-untested", action="store_true", help="fail if a test case was not tested")
    check.add_argument("--dry-run", action="store_true", help="print the plan and the number of requests, and send nothing")
    explore_help = "after the check, explore with Schemathesis, for so long at most"
    check.add_argument("--explore", type=seconds, default=0.0, metavar="SECONDS", help=explore_help)
    examples = f"examples per operation and phase ({EXAMPLES})"
    check.add_argument("--explore-examples", type=positive_integer, metavar="N", help=examples)
    check.add_argument("--seed", type=int, metavar="N", help=f"seed of the exploration ({SEED})")
    check.add_argument("--format", choices=FORMATS["check"], default="text", help="format of standard output")
    check.add_argument("--report", action="append", default=[], metavar="FORMAT:PATH", help="also write a report to a file (repeatable)")
    check.add_argument("--quiet", action="store_true", help="text format: only a line per failure")
    add_color(check)


def check_parser() -> argparse.ArgumentParser:
    """Return a parser with the options of the check, which are the settings that a file may have."""
    parser = argparse.ArgumentParser(add_help=False)
    add_check(parser)
    return parser


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:  # noqa: ANN401  # argparse's own type has no public name
    """Add the parsers of the three commands, and return them by name; `common` has the options of all commands."""
    check = commands.add_parser("check", parents=[common], help="check whether a server fulfils the contract", epilog=_EPILOG)
    add_check(check)
    probe = commands.add_parser("probe", parents=[common], help="find out which readings of the documentation a server has", epilog=_EPILOG)
    probe.add_argument("url", nargs="?", metavar="URL", help="as for check")
    add_server(probe)
    probe.add_argument("--format", choices=FORMATS["probe"], default="text", help="format of standard output")
    probe.add_argument("--write", type=Path, metavar="FILE", help="write the readings into this pyproject.toml")
    cleanup = commands.add_parser("cleanup", help="delete the tasks that a check has left", epilog=_EPILOG)
    cleanup.add_argument("ledger", type=Path, metavar="LEDGER", help="the file that the check has written")
    cleanup.add_argument("--header", action="append", default=[], metavar="NAME:VALUE", help="an additional request header (repeatable)")
    cleanup.add_argument("--cacert", type=Path, metavar="FILE", help="certificates to trust (PEM)")
    cleanup.add_argument("--timeout", type=seconds, default=10.0, metavar="SECONDS", help="time limit for a whole exchange (%(default)s)")
    cleanup.add_argument("--rate", type=rate, default=0.0, metavar="N", help="at most N requests per second")
    config = "read the settings from this TOML file, tables [check] and [readings], instead of pyproject.toml; no secrets"
    for command in (check, probe, cleanup):
        command.add_argument("--config", type=Path, metavar="FILE", help=config)
    return {"check": check, "probe": probe, "cleanup": cleanup}


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add the options that select test cases."""
    parser.add_argument("--only", action="append", default=[], metavar="RULE", help=f"only {RULES}")
    parser.add_argument("--skip", action="append", default=[], metavar="RULE", help=f"not {RULES}")
    parser.add_argument("--fail-on", action="append", default=[], metavar="RULE", help=f"treat advisories as failures: of {RULES}")
    parser.add_argument("--full", action="store_true", help="every character at every position, and more combinations")


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add the options about the server, its test data, and the limits of the check."""
    parser.add_argument("--feature-id", default=server_data.FEATURE_ID, metavar="ID", help="ID of an existing feature")
    parser.add_argument("--bucket", default=server_data.BUCKET, metavar="NAME", help="an existing bucket (%(default)s)")
    parser.add_argument("--file", default=server_data.FILE, metavar="PATH", help="an existing file in the bucket (%(default)s)")
    parser.add_argument("--failing-file", metavar="PATH", help="a file whose tasks fail, to check failed tasks as well")
    parser.add_argument("--test-feature-id", metavar="ID", help="ID of another existing feature, to tell train and test data apart")
    parser.add_argument("--test-bucket", metavar="NAME", help="another existing bucket, for test data")
    parser.add_argument("--test-file", metavar="PATH", help="another existing file, for test data")
    parser.add_argument("--access-key", metavar="KEY", help="instead of NCLUE_ACCESS_KEY")
    parser.add_argument("--secret-key", metavar="KEY", help="instead of NCLUE_SECRET_KEY; visible to other users of this machine")
    parser.add_argument("--signed-prefix", metavar="PATH", help="path prefix to be signed, if a proxy rewrites that of the URL")
    parser.add_argument("--header", action="append", default=[], metavar="NAME:VALUE", help="an additional request header (repeatable)")
    parser.add_argument("--cacert", type=Path, metavar="FILE", help="certificates to trust (PEM)")
    parser.add_argument("--budget", type=positive_integer, metavar="N", help="send at most N requests, those that find most first")
    parser.add_argument("--rate", type=rate, default=0.0, metavar="N", help="at most N requests per second")
    connections = "requests under way at the same moment, at most; 1 with --rate and for the real service (%(default)s)"
    parser.add_argument("--connections", type=positive_integer, default=8, metavar="N", help=connections)
    parser.add_argument("--timeout", type=seconds, default=10.0, metavar="SECONDS", help="time limit for a whole exchange (%(default)s)")
    wait = "how long a server that does not respond at the beginning is waited for; 0: not at all (%(default)s)"
    parser.add_argument("--wait", type=seconds_or_none, default=5.0, metavar="SECONDS", help=wait)
    parser.add_argument(
        "--lifecycle-timeout", type=seconds, default=60.0, metavar="SECONDS", help="how long tasks are polled (%(default)s)"
    )
    parser.add_argument(
        "--allow-create", type=number_or_word, metavar="N|all", help="create requests allowed on a host that is not loopback"
    )
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="write a ledger of created tasks to this file")


# -- the commands -------------------------------------------------------------------------------------------------------------------------


def run_check(
    options: argparse.Namespace, readings: Readings, reports: Sequence[tuple[str, Path]], *, strict: bool, settings: str = ""
) -> int:
    """Check a server, write the reports, and return the exit code. Raises `ValueError` for what the user can correct.

    `settings` is where options are from that the command line does not have, for the reports.
    """
    from nclue_contract.check.run import accept, baseline, only_failed  # noqa: PLC0415  # the check is imported only when it runs

    wanted = options_of(options, strict=strict)
    if options.only_failed is not None:
        wanted = only_failed(wanted, options.only_failed)
    if options.dry_run:
        for line in _dry_run(wanted):
            print(line)
        return PASSED
    if options.reproduce_dir is not None:
        _make_folder(options.reproduce_dir)
    known = baseline(options.baseline) if options.baseline is not None else ()  # before anything is sent
    if options.explore:
        from nclue_contract.check.explore import require_allowed  # noqa: PLC0415  # as above

        require_allowed(wanted)
    started_ms = now_ms()
    result = _run_plan(wanted, readings, quiet=options.quiet)
    if options.explore:
        result = _explore(options, wanted, result)
    if settings:
        result = replace(result, settings=settings, notes=(*result.notes, f"settings from {settings}"))
    result = replace(accept(result, known), fail_on_untested=options.fail_on_untested)
    problems = _write(result, options, reports, started_ms)
    for problem in problems:
        print_error(problem)
    return result.exit_code or (USAGE if problems else PASSED)


def _explore(options: argparse.Namespace, wanted: CheckOptions, result: CheckResult) -> CheckResult:
    """Explore the server after the check; return the result with what was found."""
    from nclue_contract.check.explore import Bounds, explore  # noqa: PLC0415  # as above

    try:
        examples, seed = (EXAMPLES if options.explore_examples is None else options.explore_examples), options.seed
        return explore(wanted, result, Bounds(options.explore, examples, SEED if seed is None else seed), os.environ)
    except KeyboardInterrupt:  # the result of the check itself is not lost
        return replace(result, notes=(*result.notes, "the exploration was interrupted; this report has no results of it"))


def run_probe(options: argparse.Namespace, readings: Readings) -> int:
    """Find out the readings of a server, print them, and return the exit code."""
    from nclue_contract.check.readings_table import decided_readings, readings_table  # noqa: PLC0415
    from nclue_contract.check.reports.machine import check_json  # noqa: PLC0415
    from nclue_contract.check.reports.text import reading_lines  # noqa: PLC0415  # the check is imported only when it runs
    from nclue_contract.validation.reports.excerpt import safe_line  # noqa: PLC0415  # as above

    # Readings of the settings may come from an earlier probe, and are what this one is to find out; only pins of the command line hold.
    if options.write is not None:
        from nclue_contract.cli.config_writer import require_replaceable  # noqa: PLC0415  # for this option only

        require_replaceable(options.write)
    pins = {name: option for name, option in readings.items() if readings.sources[name] == "--reading"}
    result = _run_plan(options_of(options, probe=True), Readings.choose(("--reading", pins)))
    table = readings_table(result, READINGS_TABLE)
    if options.format == "json":
        sys.stdout.write(check_json(result, __version__))
    elif options.format == "toml":
        sys.stdout.write(table)
    else:
        for line in reading_lines(result):
            print(safe_line(line, sys.stdout.encoding or "ascii"))
    if result.stop_reason:
        print_reason(result.stop_reason)
        return INCONCLUSIVE
    if options.write is not None:
        from nclue_contract.cli.config_writer import write_readings  # noqa: PLC0415  # for this option only

        write_readings(options.write, table, decided_readings(result))
    return PASSED


def _run_plan(options: CheckOptions, readings: Readings, *, quiet: bool = False) -> CheckResult:
    """Run the check, with a progress bar if standard error is a terminal."""
    from nclue_contract.check.run import check  # noqa: PLC0415  # as above

    enabled = sys.stderr is not None and sys.stderr.isatty() and not quiet
    bar = ProgressBar(sys.stderr, 0, enabled=enabled, doing="checking", spell=lambda number: f"{number:,} requests")

    def notice(sentence: str) -> None:
        bar.clear()
        if not quiet:
            print_error(sentence)

    try:
        return check(options, readings, os.environ, bar.update, notice)
    finally:
        bar.clear()


def run_cleanup(options: argparse.Namespace) -> int:
    """Delete the tasks that a check has left, and return the exit code."""
    from nclue_contract.check.ledger import read_ledger  # noqa: PLC0415
    from nclue_contract.check.run import CheckOptions, clean_up  # noqa: PLC0415
    from nclue_contract.check.task_ids import UNUSABLE  # noqa: PLC0415
    from nclue_contract.validation.reports.excerpt import safe_line  # noqa: PLC0415  # for this command only

    headers, cafile = _headers(options.header), _readable(options.cacert)
    wanted = CheckOptions(headers=headers, cafile=cafile, timeout_s=options.timeout, rate=options.rate)
    result = clean_up(read_ledger(options.ledger), wanted, os.environ)
    why = ": their state does not allow it yet, the server rejected the request, or their ID cannot be put into a path"
    left = f"{len(result.left)} left{why if result.left and not result.stop_reason else ''}"
    print(f"{counted(len(result.deleted), 'task')} deleted, {left}")
    notes = [f"the task named {name!r} may belong to the check or to another user; please check it" for name in result.doubtful]
    notes += [f"the ID of the task named {name!r} {UNUSABLE}" for name in result.unusable]
    for note in notes:
        print(safe_line(f"not deleted: {note}", sys.stdout.encoding or "ascii"))
    if result.stop_reason:
        print_reason(result.stop_reason)
    return INCONCLUSIVE if result.left or notes or result.stop_reason else PASSED


def options_of(options: argparse.Namespace, *, strict: bool = False, probe: bool = False) -> CheckOptions:
    """Return the options of a check from those of the command line. Raises `ValueError` for values that cannot be used."""
    from nclue_contract.check.expectations import FixtureData  # noqa: PLC0415  # as above
    from nclue_contract.check.run import CheckOptions  # noqa: PLC0415  # as above

    if (options.access_key is None) != (options.secret_key is None):
        raise ValueError("--access-key and --secret-key must be given together")
    keys = None if options.access_key is None else Credentials(options.access_key, options.secret_key)
    return CheckOptions(
        url=options.url,
        known=FixtureData(
            options.feature_id,
            options.bucket,
            options.file,
            options.failing_file,
            options.test_feature_id,
            options.test_bucket,
            options.test_file,
        ),
        credentials=keys,
        signed_prefix=options.signed_prefix,
        headers=_headers(options.header),
        cafile=_readable(options.cacert),
        only=_rules("--only", options),
        skip=_rules("--skip", options),
        full=getattr(options, "full", False),
        budget=options.budget,
        rate=options.rate,
        timeout_s=options.timeout,
        lifecycle_s=options.lifecycle_timeout,
        allow_create=options.allow_create,
        ledger=options.ledger,
        probe=probe,
        strict=strict,
        fail_on=_rules("--fail-on", options),
        wait_s=options.wait,
        connections=options.connections,
    )


def _rules(option: str, options: argparse.Namespace) -> tuple[str, ...]:
    try:
        return contract().select_rules(getattr(options, option.removeprefix("--").replace("-", "_"), []))
    except ValueError as error:
        raise ValueError(f"{option}: {error}") from error


def _headers(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not re.fullmatch(_NAME, name.strip()) or not re.fullmatch("[\t -~\xa0-\xff]*", value):
            # The value may be a secret, so the message does not quote it.
            raise ValueError("--header must be NAME:VALUE, with a name that HTTP allows and a value in Latin-1")
        if name.strip().lower() in {*contract().headers, "host", "content-length", "content-type"}:
            raise ValueError(f"--header {name.strip()}: that header is set by the check itself")
        pairs.append((name.strip(), value.strip()))
    return tuple(pairs)


def _readable(path: Path | None) -> str | None:
    if path is not None and not path.is_file():
        raise ValueError(f"--cacert: there is no file {path}")
    return None if path is None else str(path)


# -- output -------------------------------------------------------------------------------------------------------------------------------


def _dry_run(options: CheckOptions) -> Iterator[str]:
    from nclue_contract.check.run import budget, permission, selected_cases  # noqa: PLC0415  # as above

    allowed, chosen = permission(options), selected_cases(options)
    limit, planned = budget(options, chosen), 0
    for case in chosen:
        planned += case.requests if case.script and not case.background else 0
        if planned > limit and not case.background:
            continue
        if case.script is None:
            yield f"{case.rule}  {case.id}  (evaluated with other test cases)"
        else:
            creating = f", {counted(case.posts, 'create request')}" if case.posts else ""
            needed = "" if case.selected else " (others depend on it)"
            yield f"{case.rule}  {case.id}  {counted(case.requests, 'request')}{creating}{needed}"
    if planned > limit:
        yield f"... and the test cases that exceed the budget of {limit:,} requests"
    requests, posts = (sum(getattr(case, name) for case in chosen if case.script) for name in ("requests", "posts"))
    sent = min(requests, limit)
    creating = min(posts, sent) if allowed.create_requests is None else min(posts, sent, allowed.create_requests)
    rate = allowed.rate or options.rate
    yield ""
    yield f"{counted(len(chosen), 'case')}, at most {counted(sent, 'request')} of which {creating:,} may create a task; {allowed.mode}"
    minutes = counted(max(1, round(sent / rate / 60)), "minute") if rate else ""
    yield f"at {rate:g} request{'' if rate == 1 else 's'} per second: about {minutes}" if rate else "as fast as the server responds"
    yield "nothing was sent"


def _write(result: CheckResult, options: argparse.Namespace, reports: Sequence[tuple[str, Path]], started_ms: int) -> list[str]:
    """Write the reports, and the result to standard output; return a sentence for each report that could not be written."""
    from nclue_contract.check.reports.formats import render  # noqa: PLC0415  # as above

    def text_of(form: str, encoding: str, *, quiet: bool = False, colour: bool = False) -> str:
        return render(
            form,
            result,
            version=__version__,
            encoding=encoding,
            started_ms=started_ms,
            quiet=quiet,
            colour=colour,
            reproduce_dir=options.reproduce_dir,
        )

    problems = []
    for form, path in reports:
        try:
            with atomic_file(path) as file:
                file.write(text_of(form, "utf-8"))
        except OSError as error:
            problems.append(f"the report {path} cannot be written: {error.strerror or error}")
    if options.reproduce_dir is not None:
        try:
            _write_bodies(result, options.reproduce_dir)
        except OSError as error:
            problems.append(f"the files in {options.reproduce_dir} cannot be written: {error.strerror or error}")
    colour = use_colour(options.color, sys.stdout, os.environ)
    text = text_of(options.format, sys.stdout.encoding or "ascii", quiet=options.quiet, colour=colour)
    sys.stdout.write(text if text.strip() else "")
    sys.stdout.flush()
    return problems


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--reproduce-dir: {path} cannot be made a folder: {error.strerror}") from error


def _write_bodies(result: CheckResult, folder: Path) -> None:
    """Write the bodies that the commands of the report refer to."""
    from nclue_contract.check.reports.reproduce import reproducer  # noqa: PLC0415  # as above

    for path, body in reproducer(result, folder).files(result):
        with atomic_file(path) as file:
            file.buffer.write(body)
