"""What the contract states about each part of a page, under a set of readings. Everything comes from the files in `openapi/`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Final

from nclue_contract.contract.model import contract, in_ranges
from nclue_contract.contract.openapi import document
from nclue_contract.contract.pages import PageSpec, page_words
from nclue_contract.contract.readings import Readings
from nclue_contract.docs_drift.phrases import limits_text
from nclue_contract.docs_drift.statements import Entry, Part, Statement

YES, NO = "yes", "no"
PARAMETER_PLACES: Final[Mapping[str, str]] = MappingProxyType({"path-parameters": "path", "query-parameters": "query"})
"""Where the parameters of a part are in a request, as OpenAPI names it."""
_PATH_RULE, _SKEW_RULE = "NC120", "NC203"
_LAST_CODE_POINT = 0x10FFFF


def contract_parts(spec: PageSpec, readings: Readings) -> Mapping[str, Part]:
    """Return the parts of a page as the contract states them under the readings."""
    return _parts_of(spec.id, tuple(readings.options.items()))


@lru_cache(maxsize=512)  # a page with differences is compared under every option of every reading
def _parts_of(name: str, options: tuple[tuple[str, str], ...]) -> Mapping[str, Part]:
    spec = page_words().spec(name)
    statements = ContractStatements(spec, Readings.choose(("argument", dict(options))))
    return MappingProxyType({part: _PARTS[part](statements, part) for part in (*spec.parts, *spec.optional)})


@dataclass(frozen=True)
class ContractStatements:
    """Makes the parts of one page of what the contract states."""

    spec: PageSpec
    readings: Readings

    @cached_property
    def _api(self) -> dict[str, Any]:
        return document(self.readings)

    @cached_property
    def _operation(self) -> dict[str, Any]:
        operation = contract().operations[self.spec.operation]
        found: dict[str, Any] = self._api["paths"][operation.path][operation.method.lower()]
        return found

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        """Return a schema without its references; of alternatives, the first, since the other is null."""
        while "$ref" in node or ("anyOf" in node and "properties" not in node):
            if "$ref" in node:
                target: Any = self._api
                for part in node["$ref"].removeprefix("#/").split("/"):
                    target = target[part]
                node = target
            else:
                node = node["anyOf"][0]
        return node

    # -- parts with a table of fields ----------------------------------------------------------------------------------------------------

    def fields(self, name: str) -> Part:
        """Return the fields of the request or the response; those of a list are followed by those of its items."""
        schema = self._response if name == "response-body" else self._request
        return Part(name, "field", tuple(self._properties(schema, is_request=name != "response-body")))

    @property
    def _request(self) -> dict[str, Any]:
        return self._resolved(self._operation["requestBody"]["content"]["application/json"]["schema"])

    @property
    def _response(self) -> dict[str, Any]:
        response = self._resolved(next(iter(self._operation["responses"].values())))
        return self._resolved(response["content"]["application/json"]["schema"])

    def _properties(self, schema: dict[str, Any], *, is_request: bool) -> Iterator[Entry]:
        rows = [(name, self._resolved(node)) for name, node in schema["properties"].items()]
        for name, node in rows:
            required = Statement("required", (YES if name in schema.get("required", ()) else NO,), needed=is_request)
            yield Entry(name, (required, *self._of_value(name, node, is_request=is_request)))
        for _, node in rows:
            if "items" in node:
                yield from self._properties(self._resolved(node["items"]), is_request=is_request)

    def _of_value(self, name: str, node: dict[str, Any], *, is_request: bool) -> Iterator[Statement]:
        types = [node["type"]] if isinstance(node["type"], str) else node["type"]
        yield Statement("type", (types[0],))
        low, high = (node.get(one, node.get(other)) for one, other in (("minimum", "minLength"), ("maximum", "maxLength")))
        if name in self.spec.ranges:
            low, high = contract().rules[self.spec.ranges[name]].range
        if low is not None or high is not None:
            yield Statement("limit", (limits_text(low, high),), needed=high is not None and (is_request or name in self.spec.ranges))
        if "default" in node:
            yield Statement("default", (str(node["default"]),))
        if "format" in node:
            yield Statement("format", (node["format"],))
        if "enum" in node:
            yield Statement("words", tuple(node["enum"]))
        if name in contract().rules[_PATH_RULE].fields and is_request:
            yield from self._of_path()

    def _of_path(self) -> Iterator[Statement]:
        """Yield the characters and the codes that a path must not contain. Printable ASCII is listed, the rest is named by its codes."""
        rule = contract().rules[_PATH_RULE]
        options = [self.readings.option(name) for name in rule.readings]
        codes = sorted([*rule.code_points, *(pair for option in options for pair in option.code_points)])
        characters = "".join(option.characters for option in options)
        yield Statement("characters", tuple(dict.fromkeys(character for character in characters if not in_ranges(character, tuple(codes)))))
        yield Statement("codes", tuple(codes_text(low, high) for low, high in merged(codes)))

    def parameters(self, name: str) -> Part:
        """Return the parameters in the path or the query."""
        place = PARAMETER_PLACES[name]
        path = self._api["paths"][contract().operations[self.spec.operation].path]
        rows = [node for node in [*path.get("parameters", []), *self._operation.get("parameters", [])] if node["in"] == place]
        return Part(name, "parameter", tuple(self._parameter(node) for node in rows))

    def _parameter(self, node: dict[str, Any]) -> Entry:
        required = Statement("required", (YES if node.get("required") else NO,))
        return Entry(node["name"], (required, *self._of_value(node["name"], node["schema"], is_request=True)))

    def headers(self, name: str) -> Part:
        """Return the headers of all requests."""
        rule = contract().rules[_SKEW_RULE]
        edge = "less than" if self.readings.option("timestamp-edge").exclusive else "at most"
        rows = []
        for header in self._header_names(with_body=True):
            limit = [Statement("limit", (f"{edge} {rule.limit} s",))] if header in rule.fields else []
            rows.append(Entry(header, (Statement("required", (YES,)), *limit)))
        return Part(name, "header", tuple(rows))

    def _header_names(self, *, with_body: bool) -> tuple[str, ...]:
        media_type = self.readings.option("request-content-type").media_type
        return (*contract().headers, *(["content-type"] if media_type and with_body else []))

    # -- the other parts -----------------------------------------------------------------------------------------------------------------

    def address(self, name: str) -> Part:
        """Return method and path."""
        operation = contract().operations[self.spec.operation]
        return Part(name, "address", (Entry("", (Statement("method", (operation.method,)), Statement("path", (operation.path,)))),))

    def url(self, name: str) -> Part:
        """Return the base URL."""
        return Part(name, "address", (Entry("", (Statement("url", (contract().server,)),)),))

    def statuses(self, name: str) -> Part:
        """Return the statuses in the order in which a task goes through them."""
        return Part(name, "status", tuple(Entry(word) for word in self.readings.status_words), ordered=True)

    def deletion(self, name: str) -> Part:
        """Return for each status whether a task can be deleted, those in which it can first."""
        lifecycle = contract().lifecycle
        words = dict(zip(lifecycle.statuses, self.readings.status_words, strict=True))
        answers = {words[status]: status in lifecycle.deletable for status in lifecycle.statuses}
        rows = [Entry(word, (Statement("deletable", (YES if yes else NO,)),)) for word, yes in answers.items()]
        return Part(name, "status", tuple(sorted(rows, key=lambda entry: not answers[entry.name])))

    def codes(self, name: str) -> Part:
        """Return the successes and the errors of the table: status code, error code and message."""
        successes = [Entry(success_name(str(status))) for status in self.readings.option("success-status").statuses]
        rows = [Entry(error.code, tuple(self._of_error(key))) for key, error in contract().errors.items() if key in self.spec.errors]
        return Part(name, "code", (*successes, *sorted(rows, key=lambda entry: entry.name)))

    def _of_error(self, key: str) -> Iterator[Statement]:
        error = contract().errors[key]
        yield Statement("status", (str(error.status),))
        yield Statement("message", (error.message,))
        if key in self.spec.limits:
            node = self._api["components"]["schemas"]["TaskRequest"]["properties"][self.spec.limits[key]]
            yield Statement("limit", (limits_text(None, node["maxLength"]),))

    def request_example(self, name: str) -> Part:
        """Return method, URL and headers of the example."""
        operation = contract().operations[self.spec.operation]
        headers = self._header_names(with_body="requestBody" in self._operation)
        statements = (
            Statement("method", (operation.method,)),
            Statement("url", (contract().server + operation.path,)),
            Statement("headers", headers),
        )
        return Part(name, "example", (Entry("", statements),))

    def response_example(self, name: str) -> Part:
        """Return no statements: an example of a response is validated."""
        return Part(name, "example", ())


_PARTS: Final[Mapping[str, Callable[[ContractStatements, str], Part]]] = MappingProxyType(
    {
        "address": ContractStatements.address,
        "api-url": ContractStatements.url,
        "codes": ContractStatements.codes,
        "deletion": ContractStatements.deletion,
        "path-parameters": ContractStatements.parameters,
        "query-parameters": ContractStatements.parameters,
        "request-body": ContractStatements.fields,
        "request-example": ContractStatements.request_example,
        "request-headers": ContractStatements.headers,
        "response-body": ContractStatements.fields,
        "response-example": ContractStatements.response_example,
        "statuses": ContractStatements.statuses,
    }
)


def success_name(status: str) -> str:
    """Return the name of a row without an error code."""
    return f"success {status}"


def codes_text(low: int, high: int) -> str:
    """Return a range of codes in the form in which it is compared."""
    return f"{low} and above" if high >= _LAST_CODE_POINT else f"{low} to {high}"


def merged(codes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return sorted ranges of codes, with those that touch each other as one."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(codes):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found
