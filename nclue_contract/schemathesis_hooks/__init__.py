"""Hooks for Schemathesis: they sign requests, give tasks unique names, and validate responses.

    SCHEMATHESIS_HOOKS=nclue_contract.schemathesis_hooks st run "$(nclue-contract spec --path)" --url http://127.0.0.1:PORT/api/v1

In pytest, `import nclue_contract.schemathesis_hooks` does the same for every schema that declares the three headers of NCLUE; other schemas
are not affected. `examples/schemathesis.toml` shows the settings. Needs Schemathesis, the extra `schemathesis`.

* Requests are signed with the keys in NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY, and signed again in the form in which they are sent (except
  for WSGI applications). Headers that a negative test omits or chooses are not changed. Schemathesis masks the signed headers.
* Create requests get unique names, each as long as the one that was generated. Values of the environment that exist on the server
  (NCLUE_FEATURE_ID, NCLUE_BUCKET, NCLUE_FILE) replace every valid value.
* The check `NclueContract` validates every response against the request as it was sent, and reports each broken rule of the contract.
* A run against the real service is rejected before anything is sent, since it would create hundreds of tasks, which are billed. No setting
  permits it.
"""

from __future__ import annotations

import itertools
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
from nclue_contract.contract.hosts import is_real
from nclue_contract.contract.masking import Masker, sent_secrets
from nclue_contract.contract.model import Operation, contract
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.rules import Answer
from nclue_contract.signing import VARIABLES, Credentials, now_ms, signed_headers
from nclue_contract.validation.error_body import error_code
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.json_reader import read
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

SchemathesisCase = schemathesis.Case[Any]

KNOWN = {"NC131": "NCLUE_FEATURE_ID", "NC130": "NCLUE_BUCKET", "NC120": "NCLUE_FILE"}
"""The environment variables with values that exist on the server, by the rule about the values of their fields."""

SENSITIVE_MARKERS = (*contract().headers, "token", "key", "secret", "password", "auth", "session", "passwd", "credential")
"""The value for `[output.sanitization] sensitive-markers`: the signed headers, and the defaults of Schemathesis, which it replaces."""


def _is_nclue(schema: Mapping[str, Any]) -> bool:
    """Return whether an OpenAPI document has the three headers of NCLUE as security schemes; requests of other APIs are not signed."""
    schemes = ((schema.get("components") or {}).get("securitySchemes") or {}).values()
    return set(contract().headers) <= {str(scheme.get("name")).lower() for scheme in schemes if isinstance(scheme, Mapping)}


def _operation(case: SchemathesisCase, method: str) -> Operation | None:
    """Return the operation of the contract; None for other methods, which Schemathesis tries deliberately, and for other paths."""
    fitting = (one for one in contract().operations.values() if one.method == method and case.path.endswith(one.path))
    return next(fitting, None) if _is_nclue(case.operation.schema.raw_schema) else None


class RealServiceError(Exception):
    """A request was about to be sent to the real service."""


def _refuse_real_service(url: str | None) -> None:
    """Raise `RealServiceError` for a URL of the platform that NCLUE belongs to."""
    if is_real(host := urlsplit(url or "").hostname or ""):
        raise RealServiceError(
            f"{host} is the real service, where every task that Schemathesis creates is billed, so nothing was sent. Test a server "
            "on this machine (nclue-contract serve) or a gateway of your own; no setting lifts this"
        )


class _StartCheck(cli.EventHandler[Any]):
    """Ends a run of `st` with one sentence before its first request, when the target or the environment is not usable."""

    def handle_event(self, ctx: object, event: object) -> None:  # noqa: ARG002  # part of the interface
        try:
            if isinstance(event, cli.LoadingStarted):
                _refuse_real_service(event.location)
            elif isinstance(event, cli.LoadingFinished):
                _refuse_real_service(event.base_url)
                if _is_nclue(event.schema):
                    Credentials.from_environment(os.environ)
                    _require_usable(_existing_values())
        except (RealServiceError, ValueError) as error:
            click.echo(f"nclue-contract: {error}", err=True)
            raise click.Abort from None


class _GeneratedValue(str):
    """A header value that `Signing` generated, and that may be replaced. Values that a test chose are plain strings, and stay."""

    __slots__ = ()


class Signing:
    """The auth provider. It has no state: a signature is valid for one method and path, and the keys are read when they are used."""

    def get(self, case: SchemathesisCase, _context: schemathesis.AuthContext) -> dict[str, str] | None:
        """Return the three headers for a request as it was generated; without keys, values for which `_FinalAuth` raises an error."""
        if not _is_nclue(case.operation.schema.raw_schema):
            return None
        target = prepare_request(case, None, config=SanitizationConfig(enabled=False)).path_url
        try:
            values = signed_headers(case.method, target, Credentials.from_environment(os.environ), now_ms())
        except ValueError:  # in pytest, examples are generated before a fixture can set keys
            values = dict.fromkeys(contract().headers, "unsigned")
        return {name: _GeneratedValue(value) for name, value in values.items()}

    def set(self, case: SchemathesisCase, data: dict[str, str], _context: schemathesis.AuthContext) -> None:
        """Put the headers into the request."""
        case.headers.update(data)


class _FinalAuth:
    """The `auth` of requests, which is called last: rejects the real service, and signs a request again that `Signing` signed.

    At that time URL and headers are those that are sent. `auth` is the one of the caller, which is called first.
    Raises `RealServiceError`, and `AuthenticationError` when there are no keys.
    """

    def __init__(self, auth: Any, *, in_process: bool) -> None:  # noqa: ANN401  # any value that requests accepts
        self._auth: Callable[..., Any] | None = requests.auth.HTTPBasicAuth(*auth) if isinstance(auth, tuple) else auth
        self._in_process = in_process

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not self._in_process:
            _refuse_real_service(request.url)
        if self._auth is not None:
            request = self._auth(request)
        if all(isinstance(request.headers.get(name), _GeneratedValue) for name in contract().headers):
            try:
                Signer(Credentials.from_environment(os.environ))(request)
            except ValueError as error:
                raise AuthenticationError("nclue_contract", "get", str(error), include_common_causes=False) from None
        return request


def before_call(_context: schemathesis.HookContext, case: SchemathesisCase, kwargs: dict[str, Any]) -> None:
    """Send the request through `_FinalAuth`, unless it is of another API, or goes to a WSGI application."""
    app = kwargs.get("app", case.operation.app)
    if _is_nclue(case.operation.schema.raw_schema) and (app is None or is_asgi_app(app)):
        kwargs["auth"] = _FinalAuth(kwargs.get("auth"), in_process=app is not None)


def after_load_schema(_context: schemathesis.HookContext, schema: schemathesis.BaseSchema) -> None:
    """Add the signed headers to those that Schemathesis masks in its output."""
    sanitization = schema.config.output.sanitization
    sanitization.sensitive_markers = tuple(dict.fromkeys((*sanitization.sensitive_markers, *contract().headers)))


_ASCII = string.digits + string.ascii_lowercase
_HANGUL = "".join(map(chr, range(0xAC00, 0xD7A4)))  # 11,172 syllables, for names with few characters to replace
_TOKEN = 8  # characters that are replaced; with 36^8 values, two runs against one server do not use the same
_numbers = itertools.count(random.SystemRandom().randrange(len(_ASCII) ** _TOKEN))


def unique_name(name: str) -> str:
    """Return a new name of the same length. The first character stays, and so does the last where the name is long enough."""
    first, rest = (name[:1], name[1:]) if len(name) > 1 else ("", name)
    inside, last = (rest[:-1], rest[-1:]) if len(rest) > 1 else (rest, "")
    alphabet = _ASCII if len(inside) >= _TOKEN else _HANGUL
    token, number = "", next(_numbers)
    for _ in inside[:_TOKEN]:
        number, digit = divmod(number, len(alphabet))
        token = alphabet[digit] + token
    return f"{first}{token}{inside[_TOKEN:]}{last}"


def _existing_values() -> dict[str, str]:
    """Return the values of the environment that exist on the server, by field of a create request."""
    fields = ((name, variable) for rule, variable in KNOWN.items() for name in contract().rules[rule].fields)
    return {name: os.environ[variable] for name, variable in fields if os.environ.get(variable)}


def _require_usable(known: Mapping[str, str]) -> None:
    """Raise `ValueError` for a value that breaks a rule under every reading."""
    for finding in default_validator().validate_request(known).errors:
        if finding.pointer[1:] in known and finding.pin is None:
            raise ValueError(f"the values of {', '.join(KNOWN.values())} must be valid: {finding.message}")


def map_case(_context: schemathesis.HookContext, case: SchemathesisCase) -> SchemathesisCase:
    """Give a create request a unique name, and the values of the environment. Values that break a rule are not changed."""
    operation, body = _operation(case, case.method), case.body
    if operation is None or operation.id != "createTask" or not isinstance(body, dict):
        return case
    broken = {finding.pointer for finding in default_validator().validate_request(body).errors}
    texts = {name: value for name, value in body.items() if isinstance(value, str) and f"/{name}" not in broken}
    body.update({name: value for name, value in _existing_values().items() if name in texts})
    if "name" in texts:
        body["name"] = unique_name(texts["name"])
    return case


def before_add_examples(context: schemathesis.HookContext, examples: list[SchemathesisCase]) -> None:
    """Apply `map_case` to the examples of the document, to which Schemathesis does not apply it."""
    for case in examples:
        map_case(context, case)


class BrokenRule(Failure):
    """A rule of the contract that a response breaks. Schemathesis shows one for each rule and operation."""

    def __init__(self, operation: str, findings: Sequence[Finding], note: str = "") -> None:
        self.rule: str = findings[0].rule
        self.findings: tuple[Finding, ...] = tuple(findings)
        self.note: str = note
        message = "\n\n".join(filter(None, (note and f"{note}:", render_report(Report(self.findings)))))
        super().__init__(operation=operation, title=f"{self.rule} {findings[0].slug}", message=message)

    @property
    def _unique_key(self) -> str:
        return self.rule


@schemathesis.check
class NclueContract:
    """Validates every response, and at the end of the run whether any valid create request was accepted.

    Errors fail; warnings fail with `strict` only. Where pages contradict each other, the readings decide, and a failure names the pin that
    would allow the response. The keywords come from `[checks.NclueContract]`: `readings` (a table of pins), `strict`, and `ignore` (an
    array of rules). Defaults for them come from NCLUE_STRICT, and from `[tool.nclue-contract]` in the nearest pyproject.toml. Raises
    `ValueError` for invalid settings.
    """

    def __init__(self, readings: object = None, strict: object = None, ignore: object = None) -> None:
        settings = load(Path.cwd())
        pins = _keyword("readings", readings, dict, {})
        chosen = Readings.choose((str(settings.path), settings.readings), (f"[checks.{type(self).__name__}]", pins))
        strictly = _keyword("strict", strict, bool, _strict_by_environment(otherwise=settings.strict))
        self._validator = Validator(chosen, strict=strictly, ignore=_keyword("ignore", ignore, list, settings.ignore))
        self._verify = Verifier(chosen)
        self._create_statuses: Counter[int] = Counter()

    def after_response(self, ctx: schemathesis.CheckContext, response: schemathesis.Response, case: SchemathesisCase) -> None:  # noqa: ARG002
        """Validate a response against the request as it was sent. Raises a group of `BrokenRule`."""
        request, label = response.request, case.operation.label
        operation = _operation(case, str(request.method))
        if operation is None:
            return
        sent = _request_content(operation, request, has_body=case.body is not NOT_SET)
        masker = _masker(request)  # of what was sent, a server may send back anything
        headers = [(name, masker.text(value)) for name, values in response.headers.items() for value in values]
        content = masker.data(response.content)
        errors = self._validator.validate_response(operation.id, response.status_code, headers, content, sent).errors
        broken = [BrokenRule(label, [one for one in errors if one.rule == rule]) for rule in dict.fromkeys(one.rule for one in errors)]
        defects = self._signature_findings(request)
        if defects and (unexpected := self._unexpected_response(response.status_code, content, defects)):
            broken.append(BrokenRule(label, defects, f"The response is {unexpected}, although the signature of the request is invalid"))
        if operation.id == "createTask" and not defects and sent is not None and self._validator.validate_request_json(sent).ok:
            self._create_statuses[response.status_code] += 1
        if broken:
            raise FailureGroup(broken)

    def after_run(self, ctx: schemathesis.CheckContext) -> None:  # noqa: ARG002
        """Raise `AssertionError` when no valid create request was accepted: then hardly anything was tested, although no check failed."""
        if self._create_statuses and not any(status // 100 == 2 for status in self._create_statuses):
            statuses = ", ".join(f"{status} ({count} times)" for status, count in self._create_statuses.most_common(3))
            variables = ", ".join((*VARIABLES, *KNOWN.values()))
            sentence = f"No valid create request was accepted; the responses were {statuses}."
            raise AssertionError(f"{sentence} Do the values of {variables} exist on the server?")

    def _signature_findings(self, request: requests.PreparedRequest) -> list[Finding]:
        """Return the errors in the signed headers of a request, missing headers first; none when the keys are not configured."""
        try:
            credentials = Credentials.from_environment(os.environ)
        except ValueError:
            return []
        path, mark, query = request.path_url.partition("?")
        half = query[: len(query) // 2]
        if query == f"{half}&{half}":  # Schemathesis doubles the query of a request that httpx sent
            query = half
        body = request.body if isinstance(request.body, bytes) else None
        found = self._verify(str(request.method), f"{path}{mark}{query}", request.headers, credentials, now_ms(), body).report.errors
        return sorted((f for f in found if f.rule not in self._validator.ignore), key=lambda f: f.rule)

    def _unexpected_response(self, status: int, content: bytes, defects: Sequence[Finding]) -> str:
        """Return the response as text if it does not suit an invalid signature: a success, or an error with another code; else empty."""
        readings = self._validator.readings
        expected = {
            Answer(answer.status, answer.code)
            for finding in defects
            for answer in contract().rules[finding.rule].expects
            if all(readings[name] == option or not readings.pinned(name) for name, option in answer.when.items())
        }
        answer = Answer(status, error_code(read(content).value))
        rejected = answer.code is not None and any(answer.status == other.status for other in expected)
        return format_answer(answer) if answer.status // 100 == 2 or (rejected and answer not in expected) else ""


def _masker(request: requests.PreparedRequest) -> Masker:
    """Return what masks the keys, and the secrets in the headers of a request, in the response to it."""
    keys = [os.environ.get(name, "").strip() for name in VARIABLES]
    headers = [(str(name), value.decode("latin-1") if isinstance(value, bytes) else value) for name, value in request.headers.items()]
    body = request.body.decode("utf-8", "replace") if isinstance(request.body, bytes) else request.body
    return Masker([*keys, *sent_secrets(headers)], public=f"{request.url} {body}")


def _keyword(name: str, value: object, kind: type, default: Any) -> Any:  # noqa: ANN401  # of that kind
    """Return the value of a keyword, or its default. Raises `ValueError` for a value of another type."""
    if value is None:
        return default
    if not isinstance(value, kind):
        expected = {dict: "a table of pins", bool: "true or false", list: "an array of rules"}[kind]
        raise ValueError(f"{name} must be {expected}")  # noqa: TRY004  # like other invalid settings
    return value


def _strict_by_environment(*, otherwise: bool) -> bool:
    values, text = {"": otherwise, "0": False, "1": True}, os.environ.get("NCLUE_STRICT", "").strip()
    if text not in values:
        raise ValueError(f"the environment variable NCLUE_STRICT must be 1 or 0, not {text!r:.80}")
    return values[text]


def _request_content(operation: Operation, request: requests.PreparedRequest, *, has_body: bool) -> bytes | str | None:
    """Return the part of a request that the validator uses: the body, the URL with the query, or the task ID. None when it is unknown."""
    if operation.id == "listTasks":
        return request.url
    if operation.id != "createTask":
        return unquote(urlsplit(request.url or "").path.rpartition("/")[2]) or None
    body = request.body.encode() if isinstance(request.body, str) else request.body
    if not body:
        return None if has_body else b""  # Schemathesis does not have the body that the client of werkzeug sent
    return body if isinstance(body, bytes) else None


schemathesis.auth(refresh_interval=None)(Signing)
schemathesis.hook(before_call)
schemathesis.hook(after_load_schema)
schemathesis.hook(map_case)
schemathesis.hook(before_add_examples)
cli.handler()(_StartCheck)
