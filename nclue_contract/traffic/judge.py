"""Judging of recorded exchanges: each by itself, and against those before it with the same server.

Theory of operation
===================

An exchange is first matched to a server and an operation (`routes`). Its request is validated as it would be before it is sent: payload,
query, headers, and the signature where the key is known. Its response is validated under the readings that the server can have: as in a
contract check, each response narrows the options (`check.inference`), so that a server is not blamed for a reading, but for a mixture of
them. A pinned reading is judged. Then the tasks in it are compared with what is known of them (`history`).

Which responses a request allows is more than in a contract check, since nothing is known about the server's data: a valid payload may be
rejected because its name is in use or its file does not exist. Only what no data explains is a finding, as in rule NC313: a payload that
breaks a rule is accepted, or one that breaks no rule gets the code of a rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from nclue_contract.check.expectations import (
    GATEWAY_STATUSES,
    accepted_under,
    create_readings,
    finding_of,
    fits,
    response_readings,
)
from nclue_contract.check.inference import ReadingInference
from nclue_contract.check.requests import value_of
from nclue_contract.contract.hosts import Target
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.rules import Answer, Certainty, Severity
from nclue_contract.contract.wording import pointer_to
from nclue_contract.signing import Credentials
from nclue_contract.traffic.exchanges import RecordedExchange, is_masked, without_secrets
from nclue_contract.traffic.history import TaskHistory, inconsistencies
from nclue_contract.traffic.routes import Route, Router
from nclue_contract.traffic.sides import SIDES, Side
from nclue_contract.validation.error_body import error_code
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.operation import unknown_operation
from nclue_contract.validation.query import read_query, replacements
from nclue_contract.validation.response import is_empty_success
from nclue_contract.validation.signature import Verifier
from nclue_contract.validation.validator import Validator, default_validator, validator_of

MAX_HOSTS = 1_000
"""Other hosts that are counted by name."""

UNAUTHENTICATED = frozenset(contract().errors[name].status for name in ("ACCESS_DENIED", "AUTHENTICATION_FAILED", "FORBIDDEN"))
"""The statuses with which a server rejects a request for its signature."""

MAX_SERVERS = 100
"""Servers of one run that are judged; a recording of a test run has one, or one per port."""

SIGNATURE = contract().rules["NC208"].fields[0]
"""The header with the signature."""

OWN_STEP = frozenset({"NC313", "NC505"})
"""The rules about whether a response fits its request, which are judged apart from its content: other readings decide them."""

OF_REQUESTS = frozenset({"NC007"})
"""A lone surrogate in a response is what some client has sent, and comes back as it is."""


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """How exchanges are judged. `servers` are the base URLs that are judged (see `Router`), `credentials` the key for signatures.

    `strict` makes warnings errors, `fail_on` those of rules whose codes begin so; `ignore` are codes of rules that are not applied. `side`
    is a key of `SIDES`.
    """

    readings: Readings
    strict: bool = False
    ignore: frozenset[str] = frozenset()
    fail_on: tuple[str, ...] = ()
    servers: tuple[Target, ...] = ()
    credentials: Credentials | None = None
    side: str = "both"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One exchange that was judged, with its secrets overwritten, and its findings, each with the side that it is about."""

    exchange: RecordedExchange
    route: Route
    findings: tuple[tuple[Side, Finding], ...]


@dataclass(slots=True)
class Server:
    """What is known about one server: its readings, and its tasks. `exchanges` counts those that were judged.

    The readings are those of all recordings together, the tasks only those of one: between two recordings, a server may have been reset.
    """

    url: str
    inference: ReadingInference
    history: TaskHistory
    exchanges: int = 0


@dataclass(slots=True)
class Uncounted:
    """Exchanges that were not judged: with `other_hosts` (by name), at paths without an operation, and those without a response."""

    other_hosts: dict[str, int] = field(default_factory=dict)
    no_operation: int = 0
    no_response: int = 0
    more_hosts: int = 0

    def count_host(self, host: str) -> None:
        """Count an exchange with another server."""
        if host in self.other_hosts or len(self.other_hosts) < MAX_HOSTS:
            self.other_hosts[host] = self.other_hosts.get(host, 0) + 1
        else:
            self.more_hosts += 1


@dataclass(slots=True)
class Unverified:
    """Signatures that could not be verified: without a key to do so, and those that the recorder has masked."""

    without_key: int = 0
    masked: int = 0


class TrafficJudge:
    """Judges exchanges in the order in which they were recorded."""

    def __init__(self, options: JudgeOptions) -> None:
        self._options = options
        self._router = Router(options.servers)
        self._requests = RequestJudge(options)
        self._sides = SIDES[options.side]
        self.servers: dict[str, Server] = {}
        self.uncounted: Uncounted = Uncounted()
        self.unverified: Unverified = self._requests.unverified

    def begin_recording(self) -> None:
        """Forget the tasks of the recordings before."""
        for server in self.servers.values():
            server.history = TaskHistory(server.inference)

    def judge(self, exchange: RecordedExchange, place: str) -> Judgement | None:
        """Return the findings of an exchange; None if it is not judged. `place` names it in the findings of later ones."""
        route = self._router.route(exchange)
        if route is None or (route.server not in self.servers and len(self.servers) >= MAX_SERVERS):
            self.uncounted.count_host(exchange.host)
            return None
        options = self._options
        secrets = (options.credentials.access_key, options.credentials.secret_key) if options.credentials else ()
        exchange = without_secrets(exchange, secrets)
        found = self._about_url(exchange, route)
        if route.operation is None and not found:
            self.uncounted.no_operation += 1
            return None
        if not exchange.status and not exchange.error:
            self.uncounted.no_response += 1
            return None
        if Side.REQUEST in self._sides:
            found += self._requests.findings(exchange, route)
        server = self.servers.get(route.server) or self._new_server(route.server)
        server.exchanges += 1
        if Side.RESPONSE in self._sides and not exchange.own and route.operation is not None:
            found += ResponseJudge(server, exchange, route, place).findings()
        rated = [(side, self._rated(side, finding, exchange.status)) for side, finding in found if finding.rule not in options.ignore]
        return Judgement(exchange, route, tuple(rated))

    def _about_url(self, exchange: RecordedExchange, route: Route) -> list[tuple[Side, Finding]]:
        """Return a finding about a URL that was surely meant to be one of the API; a server may have others beside that."""
        if route.operation is not None or Side.REQUEST not in self._sides:
            return []
        finding = unknown_operation(exchange.method, exchange.path, urlsplit(route.server).path)
        return [] if finding.suggestion is None else [(Side.REQUEST, finding)]

    def _new_server(self, url: str) -> Server:
        inference = ReadingInference(self._options.readings)
        self.servers[url] = Server(url, inference, TaskHistory(inference))
        return self.servers[url]

    def _rated(self, side: Side, finding: Finding, status: int) -> Finding:
        """Return a finding with its severity: an advisory about a server is a warning, and a warning an error if the user wants that.

        Strictness concerns what a page says. Where a response may have another cause, as in a warning of a rule that is an error, the rule
        has to be named.
        """
        rule, severity = contract().rules[finding.rule], finding.severity
        if side is not Side.REQUEST and rule.advisory_for(status):
            severity = Severity.WARNING
        if severity is Severity.WARNING:
            uncertain = side is not Side.REQUEST and finding.severity is Severity.WARNING and rule.severity is Severity.ERROR
            wanted = rule.code.startswith(self._options.fail_on) if self._options.fail_on else False
            severity = Severity.ERROR if wanted or (self._options.strict and not uncertain) else severity
        return finding if severity is finding.severity else finding.rated(severity)


class RequestJudge:
    """Validates recorded requests under the readings of the user."""

    def __init__(self, options: JudgeOptions) -> None:
        self._validator = Validator(options.readings)
        self._verifier = Verifier(options.readings)
        self._credentials = options.credentials
        self._counts_unverified = "NC208" not in options.ignore
        self.unverified: Unverified = Unverified()

    def findings(self, exchange: RecordedExchange, route: Route) -> Iterator[tuple[Side, Finding]]:
        """Yield the findings of headers, payload and query."""
        yield from ((Side.REQUEST, finding) for finding in self._all(exchange, route))

    def _all(self, exchange: RecordedExchange, route: Route) -> Iterator[Finding]:
        creates = route.operation is not None and route.operation.id == "createTask"
        yield from self._header_findings(exchange, route, creates=creates)
        if creates and exchange.request_body is not None:
            yield from self._validator.validate_request_json(exchange.request_body).findings
        if route.operation is not None and route.operation.query:
            yield from read_query(exchange.query, self._validator.readings)[1]

    def _header_findings(self, exchange: RecordedExchange, route: Route, *, creates: bool) -> Iterator[Finding]:
        """Yield the findings of the headers, without those about values that the recorder has replaced.

        Many recorders remove secrets. So where all headers of the signature are missing, and the server has not rejected the request for
        that, this is only a warning.
        """
        signed, headers = contract().headers, exchange.request_headers
        masked = {name.lower() for name, value in headers if name.lower() in signed and is_masked(value)}
        shown = [(name, value) for name, value in headers if name.lower() not in masked]
        found = self._validator.validate_headers(shown, exchange.clock_ms).findings
        yield from (finding for finding in found if finding.pointer == "/content-type" and creates)
        if self._credentials is not None and not masked:
            now_ms = exchange.clock_ms if exchange.clock_ms is not None else _timestamp(shown)
            targets = _signed_targets(route.signed_target)
            body = exchange.request_body or None
            found = self._verifier.any_of(exchange.method, targets, shown, self._credentials, now_ms, body).report.findings
        elif self._counts_unverified and masked:
            self.unverified.masked += 1
        elif self._counts_unverified and any(name.lower() == SIGNATURE for name, _ in shown):
            self.unverified.without_key += 1
        hidden = {pointer_to(name) for name in masked}
        removed = not any(name.lower() in signed for name, _ in headers) and exchange.status not in UNAUTHENTICATED
        for finding in found:
            if finding.pointer != "/content-type" and finding.pointer not in hidden:
                yield finding.rated(Severity.WARNING).noted("the recorder may have removed it") if removed else finding


def _timestamp(headers: Iterable[tuple[str, str]]) -> int:
    """Return the timestamp of a request as its clock, where nothing else says when it was sent; 0 if there is none."""
    value = next((value for name, value in headers if name.lower() == contract().headers[0]), "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else 0


def _signed_targets(target: str) -> Sequence[str]:
    """Return the target, and without its question mark if the query is empty, since recorders may add or drop one."""
    path, mark, query = target.partition("?")
    return (target,) if query else (target, path if mark else f"{path}?")


class ResponseJudge:
    """Validates one recorded response with the readings that the server can have, and with what is known of its tasks."""

    def __init__(self, server: Server, exchange: RecordedExchange, route: Route, place: str) -> None:
        assert route.operation is not None  # noqa: S101  # the judge asks only about operations
        self._server = server
        self._exchange = exchange
        self._route = route
        self._place = place
        self._operation = route.operation.id
        body = exchange.response_body
        self._value = None if body is None else value_of(body)
        self._findings: list[tuple[Side, Finding]] = []

    def findings(self) -> list[tuple[Side, Finding]]:
        """Return all findings of the response."""
        exchange = self._exchange
        if exchange.error:
            self._add([finding_of("NC602", exchange.error)])
            return self._findings
        if exchange.status >= 500:
            self._add([finding_of("NC601", f"the response is {exchange.status}")])
        if exchange.response_body is not None:
            self._judge_content()
        if exchange.status not in GATEWAY_STATUSES:
            self._judge_fit()
        history = self._server.history
        self._add(history.observe(exchange, self._route, self._value, self._place), Side.HISTORY)
        if self._operation == "createTask" and isinstance(self._value, Mapping) and exchange.request_body is not None:
            history.set_payload(self._value.get("task_id"), value_of(exchange.request_body))
        for cases in self._server.inference.relevant_cases.values():
            del cases[1:]  # a gigabyte of exchanges must not fill the memory
        return self._findings

    def _add(self, found: Iterable[Finding], side: Side = Side.RESPONSE) -> None:
        self._findings += [(side, finding) for finding in found]

    def _judge_content(self) -> None:
        """Validate status, headers and body by themselves and against what was sent."""
        exchange, sent = self._exchange, self._sent()
        shows = isinstance(self._value, Mapping) or is_empty_success(self._operation, exchange.status)
        relevant = response_readings(self._operation, exchange.status) if shows else ()

        def problems(readings: Readings) -> list[Finding]:
            body = exchange.response_body or b""
            report = validator_of(readings).validate_response(self._operation, exchange.status, exchange.response_headers, body, sent)
            # Where the pages name no code every code is right, so a warning of NC312 is not even an advisory.
            return [
                f for f in report.findings if f.rule not in OWN_STEP | OF_REQUESTS and (f.rule != "NC312" or f.severity is Severity.ERROR)
            ]

        if exchange.status in GATEWAY_STATUSES:  # a gateway may have another form of errors than the service behind it
            self._add(self._server.inference.explain(relevant, problems))
        else:
            found, mixed = self._server.inference.narrow(relevant, problems, self._place)
            self._add((*found, *inconsistencies(mixed, self._place)))

    def _sent(self) -> object:
        """Return what the response is compared with: the body, the query, or the ID with what is known of the task's payload."""
        exchange = self._exchange
        if self._operation == "createTask":
            return exchange.request_body
        if self._operation == "listTasks":
            return f"?{exchange.query}"
        return {"task_id": self._route.task_id, **self._server.history.payload(self._route.task_id)}

    def _judge_fit(self) -> None:
        """Compare status and error code with what the request allows."""
        if self._operation == "createTask" and self._exchange.request_body is not None:
            self._judge_create(self._exchange.request_body)
        elif self._operation == "listTasks":
            for parameter in contract().operations["listTasks"].query:
                self._judge_parameter(parameter.name)

    def _judge_create(self, body: bytes) -> None:
        exchange = self._exchange
        types = tuple(value for name, value in exchange.request_headers if name.lower() == "content-type")
        received = exchange.response_body if exchange.response_body is not None else b""

        def problems(readings: Readings) -> list[Finding]:
            report = validator_of(readings).validate_response("createTask", exchange.status, exchange.response_headers, received, body)
            return [finding for finding in report.errors if finding.rule == "NC313"]

        relevant = create_readings(default_validator().validate_request_json(body), types, may_be_missing=True)
        found, mixed = self._server.inference.narrow(relevant, problems, self._place)
        if exchange.status < 300 and self._only_undecided(body):
            found = [finding.rated(Severity.WARNING) for finding in found]
        self._add((*found, *inconsistencies(mixed, self._place)))

    def _only_undecided(self, body: bytes) -> bool:
        """Return whether a payload breaks only rules on which the pages are silent: to accept it is worth knowing, but breaks nothing."""
        errors = validator_of(self._server.inference.best_readings()).validate_request_json(body).errors
        return all(finding.certainty is Certainty.UNDECIDED and finding.reading is None for finding in errors)

    def _judge_parameter(self, name: str) -> None:
        """Judge how a value of the query that is out of its range was treated; where none is, nothing is learnt."""
        given = next((finding for finding in read_query(self._exchange.query)[1] if finding.pointer == f"/{name}"), None)
        if given is None:
            return
        answer = Answer(self._exchange.status, error_code(self._value))
        text = _parameter(self._exchange.query, name)
        expectation = accepted_under("NC505", "query-range", "clamped", also_rejected=not replacements(contract().parameter(name), text))

        def problems(readings: Readings) -> list[Finding]:
            allowed = expectation.answers(readings)
            ok = fits(answer, allowed) or (200 <= answer.status < 300 and any(200 <= one.status < 300 for one in allowed))
            return [] if ok else [given.noted(f"the response is {answer.status}")]

        found, mixed = self._server.inference.narrow(expectation.readings, problems, self._place)
        self._add((*found, *inconsistencies(mixed, self._place)))


def _parameter(query: str, name: str) -> str:
    return dict(reversed(parse_qsl(query, keep_blank_values=True))).get(name, "")
