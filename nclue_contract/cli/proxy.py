"""The command `nclue-contract proxy`: options into a proxy, findings out as they come, the report and the HAR at the end."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import TextIO

from nclue_contract import __version__
from nclue_contract.cli.files import atomic_file
from nclue_contract.cli.progress import ProgressBar
from nclue_contract.cli.traffic import Output
from nclue_contract.cli.validate import standard_output
from nclue_contract.contract.extras import require_extra
from nclue_contract.contract.hosts import Target, is_loopback, is_real
from nclue_contract.contract.trust import tls_context
from nclue_contract.live.app import LiveApp, Watched
from nclue_contract.live.feed import Feed
from nclue_contract.live.traffic_tasks import TrafficTasks
from nclue_contract.service.addressing import AllowedHosts
from nclue_contract.signing import now_ms
from nclue_contract.traffic.exchanges import RecordedExchange, without_secrets
from nclue_contract.traffic.har_writer import FIRST_LINE, HarWriter
from nclue_contract.traffic.judge import JudgeOptions, TrafficJudge
from nclue_contract.traffic.report import TrafficReport
from nclue_contract.validation.reports.base import TOOL_NAME, Run
from nclue_contract.validation.reports.formats import renderer

with require_extra("proxy", "proxy needs httpx and uvicorn"):
    from nclue_contract.proxy.app import ProxyApp, ProxyOptions
    from nclue_contract.proxy.upstream import Upstream
    from nclue_contract.service.uvicorn_server import base_url, listen, serve_app

NAME = "proxy"
"""How the report calls the recording where there is no HAR."""


def run_proxy(options: argparse.Namespace, judging: JudgeOptions, run: Run, output: Output, stdout: TextIO, stderr: TextIO) -> int:
    """Pass requests on until a signal, and return the exit code by what they showed. Raises `ValueError` and `OSError`."""
    target = Target.parse(options.upstream, options.signed_prefix)
    allowed = allowed_creations(target, options.allow_create)
    if not is_loopback(options.host):
        where = options.host or "every address"
        print(f"nclue-contract: warning: {where} is not loopback: others can send requests through it", file=stderr)
    tls = tls_context(None if options.cacert is None else str(options.cacert)) if target.scheme == "https" else None
    upstream = Upstream(target, tls, timeout_s=options.timeout, keep_host=options.keep_host)
    with ExitStack() as stack:
        try:
            listener = stack.enter_context(listen(options.host, options.port))
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a host name"
            raise ValueError(f"cannot listen on {options.host!r:.80}, port {options.port}: {reason}") from error
        outputs = [standard_output(run, output.format, stdout, ProgressBar(stderr, 0, enabled=False), quiet=output.quiet)]
        outputs += [renderer(form, stack.enter_context(atomic_file(path)).write, run) for form, path in output.reports]
        har = HarWriter(stack.enter_context(atomic_file(options.har)).write, TOOL_NAME, __version__) if options.har else None
        judging = replace(judging, servers=(target,))
        judge = TrafficJudge(judging)
        report = TrafficReport(judge, outputs)
        keys = judging.credentials
        feed = Feed(token_hex(4), () if keys is None else (keys.access_key, keys.secret_key))
        recording = _Recording(report, har, options.har, feed, stdout)
        report.begin()
        if har is not None:
            har.begin()
        # The upstream's own name is chosen by its owner, not by a web page, and clients may send it: see --keep-host.
        listening_on = (options.host, listener.getsockname()[0], target.host)
        hosts = AllowedHosts.listening(listening_on, options.allow_host, command=NAME)
        proxy = ProxyApp(upstream, ProxyOptions(judging.readings, options.cap, allowed, options.block, hosts), recording.add, now_ms)
        watched = Watched(NAME, base_url(listener, target.path), judging, run)
        app = LiveApp(proxy, feed, TrafficTasks(judge), watched, hosts)
        announced = stdout if output.format == "text" else stderr  # other formats are read by programs
        serve_app(app, listener, target.path, announced, date_header=False, lifespan="on")
        if recording.error is not None:
            raise recording.error
        if har is not None:
            har.end()
        report.end()
        stdout.flush()
    return report.exit_code


class _Recording:
    """What happens with an exchange: it is judged, written to the HAR without its secrets, and shown on the page."""

    def __init__(self, report: TrafficReport, har: HarWriter | None, path: Path | None, feed: Feed, stdout: TextIO) -> None:
        self._report = report
        self._har = har
        self._file = NAME if path is None else str(path)
        self._feed = feed
        self._stdout = stdout
        self._index = 0
        self.error: OSError | None = None

    def add(self, exchange: RecordedExchange) -> None:
        """Judge and record an exchange. When an output cannot be written any more, requests are still passed on; see `error`."""
        if self.error is not None:
            return
        try:
            self._add(exchange)
        except OSError as error:
            self.error = error

    def _add(self, exchange: RecordedExchange) -> None:
        judgement = self._report.add(self._file, FIRST_LINE + self._index, self._index, exchange)
        self._feed.add_judged(exchange, judgement)
        if self._har is not None:
            self._har.add(without_secrets(exchange, self._feed.secrets))
        self._index += 1
        self._stdout.flush()  # findings are shown as they come


def allowed_creations(target: Target, given: int | None) -> int | None:
    """Return how many create requests are passed on; None for all. Raises `ValueError` where that has to be said."""
    if is_real(target.host) and given is None:
        raise ValueError("tasks on the real service are billed; --allow-create N says how many create requests are passed on (0: none)")
    return given
