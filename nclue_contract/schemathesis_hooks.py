"""What Schemathesis has to know of NCLUE: how requests are signed, which answers are wrong, which names and files there are.

    SCHEMATHESIS_HOOKS=nclue_contract.schemathesis_hooks st run "$(nclue-contract spec --path)" --url http://127.0.0.1:PORT/api/v1

In pytest, `import nclue_contract.schemathesis_hooks` does the same for every schema that declares the three headers of NCLUE; others are
left alone. `examples/schemathesis.toml` shows the settings. Needs Schemathesis, the extra `schemathesis`.

* Requests are signed with the keys in NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY, and again when they leave, for what really leaves (but for a
  WSGI application, which has no wire). What a negative test left out or chose stays as it is. Schemathesis masks the signed headers.
* Creations get unique names, each as long as the one that was drawn. What the environment says that exists (NCLUE_FEATURE_ID,
  NCLUE_BUCKET, NCLUE_FILE) takes the place of each value that the rules allow.
* The check `NclueContract` judges every answer against what was really sent, and reports each broken rule of the contract.
* The real service is refused before anything is sent, since a run creates hundreds of tasks there, which are billed. Nothing lifts this.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from nclue_contract.cli.config import load
from nclue_contract.clients import Signer
from nclue_contract.contract.clock import now_ms
from nclue_contract.contract.hosts import is_real
from nclue_contract.contract.model import Operation, contract
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.rules import Answer
from nclue_contract.signing import VARIABLES, Credentials, signed_headers
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.reports.text import render_report
from nclue_contract.validation.response import format_answer
from nclue_contract.validation.signature import Verifier
from nclue_contract.validation.validator import Validator, default_validator

try:
    import click
    import requests.auth
    import schemathesis
    from schemathesis import cli
    from schemathesis.config import SanitizationConfig
    from schemathesis.core import NOT_SET
    from schemathesis.core.errors import AuthenticationError
    from schemathesis.core.failures import Failure
    from schemathesis.errors import FailureGroup
    from schemathesis.transport import is_asgi_app
    from schemathesis.transport.prepare import prepare_request
except ImportError as _error:
    raise ImportError("the hooks need Schemathesis; run: pip install 'nclue-contract[schemathesis]'") from _error

Case = schemathesis.Case[Any]

KNOWN = {"feature_id": "NCLUE_FEATURE_ID", "bucket": "NCLUE_BUCKET", "file_path": "NCLUE_FILE"}
"""The environment variables that name what exists on the server, per ending of a field's name."""

SENSITIVE_MARKERS = (*contract().headers, "token", "key", "secret", "password", "auth", "session", "passwd", "credential")
"""What `[output.sanitization] sensitive-markers` has to hold: our headers, and the defaults of Schemathesis, which setting it drops."""


def _is_ours(schema: Mapping[str, Any]) -> bool:
    """Whether an OpenAPI document has the three headers of NCLUE as security schemes. Nobody else shall get our signatures."""
    schemes = ((schema.get("components") or {}).get("securitySchemes") or {}).values()
    return set(contract().headers) <= {str(scheme.get("name")).lower() for scheme in schemes if isinstance(scheme, Mapping)}


def _operation(case: Case, method: str) -> Operation | None:
    """The operation of the contract; None for another method, as tried on purpose, and for paths that the contract does not have."""
    fitting = (one for one in contract().operations.values() if one.method == method and case.path.endswith(one.path))
    return next(fitting, None) if _is_ours(case.operation.schema.raw_schema) else None


class RealServiceError(Exception):
    """A request was about to be sent to the real service."""


def _refuse_real_service(url: str | None) -> None:
    """Raise `RealServiceError` for a URL of the platform that NCLUE belongs to."""
    host = urlsplit(url or "").hostname or ""
    if is_real(host):
        raise RealServiceError(
            f"{host} is the real service, where every task that Schemathesis creates is billed, so nothing was sent. Test a server "
            "on this machine (nclue-contract serve) or a gateway of your own; no setting lifts this"
        )


class _Gate(cli.EventHandler[Any]):
    """Ends a run of `st` before its first request, with one sentence, when it cannot go well."""

    def handle_event(self, ctx: object, event: object) -> None:  # noqa: ARG002  # handlers are given both
        try:
            if isinstance(event, cli.LoadingStarted):
                _refuse_real_service(event.location)
            elif isinstance(event, cli.LoadingFinished):
                _refuse_real_service(event.base_url)
                if _is_ours(event.schema):
                    Credentials.from_environment(os.environ)
                    _require_usable(_known())
        except (RealServiceError, ValueError) as error:
            click.echo(f"nclue-contract: {error}", err=True)
            raise click.Abort from None


class _Made(str):
    """A header's value that was made here, and so may be renewed; one that a test has chosen is never touched."""

    __slots__ = ()


class Signing:
    """The auth provider. It keeps nothing: a signature is good for one method and path only, and the keys are read when they are used."""

    def get(self, case: Case, _context: schemathesis.AuthContext) -> dict[str, str] | None:
        """The three headers for a request as it was generated; without keys, values that `_Wire` complains about."""
        if not _is_ours(case.operation.schema.raw_schema):
            return None
        target = prepare_request(case, None, config=SanitizationConfig(enabled=False)).path_url
        try:
            values = signed_headers(case.method, target, Credentials.from_environment(os.environ), now_ms())
        except ValueError:  # pytest lets examples be generated long before a fixture can set keys
            values = dict.fromkeys(contract().headers, "unsigned")
        return {name: _Made(value) for name, value in values.items()}

    def set(self, case: Case, data: dict[str, str], _context: schemathesis.AuthContext) -> None:
        """Put the headers into the request."""
        case.headers.update(data)


class _Wire:
    """What a request passes as it leaves: refused if it goes to the real service, signed anew if it was signed here.

    It is the `auth` of requests, which is asked last, when URL and headers are those of the wire; `auth` is the one that the caller gave.
    Raises `RealServiceError`, and `AuthenticationError` when there are no keys.
    """

    def __init__(self, auth: Any, *, in_process: bool) -> None:  # noqa: ANN401  # whatever requests takes
        self._auth: Callable[..., Any] | None = requests.auth.HTTPBasicAuth(*auth) if isinstance(auth, tuple) else auth
        self._in_process = in_process

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not self._in_process:
            _refuse_real_service(request.url)
        if self._auth is not None:
            request = self._auth(request)
        if all(isinstance(request.headers.get(name), _Made) for name in contract().headers):
            try:
                Signer(Credentials.from_environment(os.environ))(request)
            except ValueError as error:
                raise AuthenticationError("nclue_contract", "get", str(error), include_common_causes=False) from None
        return request


def before_call(_context: schemathesis.HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Let the request pass `_Wire`, unless it is of another API, or goes to a WSGI application."""
    app = kwargs.get("app", case.operation.app)
    if _is_ours(case.operation.schema.raw_schema) and (app is None or is_asgi_app(app)):
        kwargs["auth"] = _Wire(kwargs.get("auth"), in_process=app is not None)


def after_load_schema(_context: schemathesis.HookContext, schema: schemathesis.BaseSchema) -> None:
    """Let Schemathesis mask our headers too, whatever else the user lets it mask."""
    sanitization = schema.config.output.sanitization
    sanitization.sensitive_markers = tuple(dict.fromkeys((*sanitization.sensitive_markers, *contract().headers)))


_ASCII = string.digits + string.ascii_lowercase
_MANY = "".join(map(chr, range(0xAC00, 0xD7A4)))  # the 11,172 syllables of Hangul, for names that have room for few characters
_TOKEN = 8  # characters that are replaced; 36^8 are enough that two runs against one server do not meet
_numbers = itertools.count(random.SystemRandom().randrange(len(_ASCII) ** _TOKEN))


def unique_name(name: str) -> str:
    """A name that no run has used, of the same length. The first character stays, and so does the last, as far as there is room."""
    first, rest = (name[:1], name[1:]) if len(name) > 1 else ("", name)
    inside, last = (rest[:-1], rest[-1:]) if len(rest) > 1 else (rest, "")
    alphabet = _ASCII if len(inside) >= _TOKEN else _MANY
    token, number = "", next(_numbers)
    for _ in inside[:_TOKEN]:
        number, digit = divmod(number, len(alphabet))
        token = alphabet[digit] + token
    return f"{first}{token}{inside[_TOKEN:]}{last}"


def _known() -> dict[str, str]:
    """What exists on the server, per field of a creation."""
    fields = ((field.name, variable) for field in contract().request for ending, variable in KNOWN.items() if field.name.endswith(ending))
    return {name: os.environ[variable] for name, variable in fields if os.environ.get(variable)}


def _require_usable(known: Mapping[str, str]) -> None:
    for finding in default_validator().validate_request(known).errors:
        if finding.pointer[1:] in known and finding.pin is None:
            raise ValueError(f"what {', '.join(KNOWN.values())} name cannot be sent: {finding.message}")


def map_case(_context: schemathesis.HookContext, case: Case) -> Case:
    """Give a creation a unique name, and what the environment says that exists. What breaks a rule is left as it is."""
    operation, body = _operation(case, case.method), case.body
    if operation is None or operation.id != "createTask" or not isinstance(body, dict):
        return case
    broken = {finding.pointer for finding in default_validator().validate_request(body).errors}
    texts = {name: value for name, value in body.items() if isinstance(value, str) and f"/{name}" not in broken}
    body.update({name: value for name, value in _known().items() if name in texts})
    if "name" in texts:
        body["name"] = unique_name(texts["name"])
    return case


def before_add_examples(context: schemathesis.HookContext, examples: list[Case]) -> None:
    """The same for the examples of the document, which Schemathesis does not map."""
    for case in examples:
        map_case(context, case)


class BrokenRule(Failure):
    """A rule of the contract that an answer breaks. Schemathesis shows one for each rule and operation."""

    def __init__(self, operation: str, findings: Sequence[Finding], note: str = "") -> None:
        self.rule: str = findings[0].rule
        message = note + render_report(Report(tuple(findings)))
        super().__init__(operation=operation, title=f"{self.rule} {findings[0].slug}", message=message)

    @property
    def _unique_key(self) -> str:
        return self.rule


@schemathesis.check
class NclueContract:
    """Judges every answer, and at the end whether any creation was taken at all.

    Errors fail, warnings do not, unless `strict`. On contested ground the readings decide, and a failure names the pin that would allow
    what came. The keywords come from `[checks.NclueContract]`: `readings` (a table of pins), `strict`, and `ignore` (an array of rules).
    What is not given there is taken from NCLUE_STRICT, and from `[tool.nclue-contract]` in the nearest pyproject.toml. Raises `ValueError`.
    """

    def __init__(self, readings: object = None, strict: object = None, ignore: object = None) -> None:
        settings = load(Path.cwd())
        pins = _keyword("readings", readings, dict, {})
        chosen = Readings.choose((str(settings.path), settings.readings), (f"[checks.{type(self).__name__}]", pins))
        strictly = _keyword("strict", strict, bool, _strict_by_environment(otherwise=settings.strict))
        self._validator = Validator(chosen, strict=strictly, ignore=_keyword("ignore", ignore, list, settings.ignore))
        self._verify = Verifier(chosen)
        self._creations: Counter[int] = Counter()

    def after_response(self, ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:  # noqa: ARG002
        """Judge an answer by what was really sent. Raises a group of `BrokenRule`."""
        request, label = response.request, case.operation.label
        operation = _operation(case, str(request.method))
        if operation is None:
            return
        asked = _asked(operation, request, has_body=case.body is not NOT_SET)
        headers = [(name, value) for name, values in response.headers.items() for value in values]
        errors = self._validator.validate_response(operation.id, response.status_code, headers, response.content, asked).errors
        rules = dict.fromkeys(finding.rule for finding in errors)
        broken = [BrokenRule(label, [finding for finding in errors if finding.rule == rule]) for rule in rules]
        wrong = self._wrong_signature(request)
        if wrong and (answer := self._misplaced_answer(response, wrong)):
            broken.append(BrokenRule(label, wrong, f"The answer is {answer}, although the request is not signed rightly:\n\n"))
        if operation.id == "createTask" and not wrong and asked is not None and self._validator.validate_request_json(asked).ok:
            self._creations[response.status_code] += 1
        if broken:
            raise FailureGroup(broken)

    def after_run(self, ctx: schemathesis.CheckContext) -> None:  # noqa: ARG002
        """Raise `AssertionError` when no creation was taken: then next to nothing was tested, however green it looks."""
        if self._creations and not any(status // 100 == 2 for status in self._creations):
            answers = ", ".join(f"{status} ({count} times)" for status, count in self._creations.most_common(3))
            variables = ", ".join((*VARIABLES, *KNOWN.values()))
            sentence = f"No creation that keeps the contract was taken; the answers were {answers}."
            raise AssertionError(f"{sentence} Does the server know what stands in {variables}?")

    def _wrong_signature(self, request: requests.PreparedRequest) -> list[Finding]:
        """What is wrong with the signed headers of a request, missing ones first. Nothing can be said when the keys are not known."""
        try:
            credentials = Credentials.from_environment(os.environ)
        except ValueError:
            return []
        path, mark, query = request.path_url.partition("?")
        half = query[: len(query) // 2]
        if query == f"{half}&{half}":  # what Schemathesis makes of a request that httpx sent
            query = half
        found = self._verify(str(request.method), f"{path}{mark}{query}", request.headers, credentials, now_ms()).report.errors
        return sorted((f for f in found if f.rule not in self._validator.ignore), key=lambda f: f.rule)

    def _misplaced_answer(self, response: schemathesis.Response, wrong: Sequence[Finding]) -> str:
        """The answer, if it is none for a request with a wrong signature: a success, or a refusal with the code of something else."""
        readings = self._validator.readings
        expected = {
            Answer(answer.status, answer.code)
            for finding in wrong
            for answer in contract().rules[finding.rule].expects
            if all(readings[name] == option or not readings.pinned(name) for name, option in answer.when.items())
        }
        answer = Answer(response.status_code, _error_code(response.content))
        refused = answer.code is not None and any(answer.status == other.status for other in expected)
        return format_answer(answer) if answer.status // 100 == 2 or (refused and answer not in expected) else ""


def _keyword(name: str, value: object, kind: type, default: Any) -> Any:  # noqa: ANN401  # of that kind
    if value is None:
        return default
    if not isinstance(value, kind):
        spoken = {dict: "a table of pins", bool: "true or false", list: "an array of rules"}[kind]
        raise ValueError(f"{name} must be {spoken}")  # noqa: TRY004  # like other wrong settings
    return value


def _strict_by_environment(*, otherwise: bool) -> bool:
    values, text = {"": otherwise, "0": False, "1": True}, os.environ.get("NCLUE_STRICT", "").strip()
    if text not in values:
        raise ValueError(f"the environment variable NCLUE_STRICT must be 1 or 0, not {text!r:.80}")
    return values[text]


def _asked(operation: Operation, request: requests.PreparedRequest, *, has_body: bool) -> bytes | str | None:
    """What was asked, as the validator takes it: the body, the URL with the query, or the task ID. None when it cannot be told."""
    if operation.id == "listTasks":
        return request.url
    if operation.id != "createTask":
        return unquote(urlsplit(request.url or "").path.rpartition("/")[2]) or None
    body = request.body.encode() if isinstance(request.body, str) else request.body
    if not body:
        return None if has_body else b""  # of what werkzeug's client sent, Schemathesis does not know the body
    return body if isinstance(body, bytes) else None


def _error_code(content: bytes) -> str | None:
    """The code of an error, whatever its shape; whether that is right is judged elsewhere."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    holder = value.get("error", value) if isinstance(value, dict) else None
    code = holder.get("errorCode", holder.get("code")) if isinstance(holder, dict) else None
    return None if code is None else str(code)


schemathesis.auth(refresh_interval=None)(Signing)
schemathesis.hook(before_call)
schemathesis.hook(after_load_schema)
schemathesis.hook(map_case)
schemathesis.hook(before_add_examples)
cli.handler()(_Gate)
