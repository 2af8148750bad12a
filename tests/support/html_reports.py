"""Results of contract checks, their HTML reports, and a parser that rejects what a browser would have to repair."""

import dataclasses
from functools import cache, cached_property
from html.parser import HTMLParser

from nclue_contract.check.cases.plan import plan
from nclue_contract.check.expectations import FixtureData
from nclue_contract.check.reports.html.report import html_report
from nclue_contract.check.requests import Exchange, create_request
from nclue_contract.check.results import Case, Failure, Outcome, State
from nclue_contract.check.run import accept
from nclue_contract.check.runner import Runner
from nclue_contract.check.sender import Limits
from nclue_contract.check.session import CheckSession
from nclue_contract.check.transport_memory import MemoryTransport
from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.service.faults.catalogue import inject_fault
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.service import Service
from nclue_contract.service.store import ExternalData
from nclue_contract.signing import EXAMPLE
from nclue_contract.validation.findings import Finding

FAULTS = ("path-test-unchecked", "echo-trimmed:task_name", "deletes-pending")
HOSTILE = [
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "' onclick='alert(1)",
    "<!-- ]]> <![CDATA[ <?php",
    "</title></textarea></pre></code>",
    "javascript:alert(1)",
    "https://evil.example/",
    "&lt;script&gt;&#0;&#xd800;",
    "\x00\x01\x1b[31m\x7f\x85",
    "\ud800 \udfff",
    "\u202e\u2066abc\u2069",
    "\r\n\r\n\u2028\u2029",
    "\ufeff\ufffe\uffff",
    "x" * 5000,
    "\U0010ffff" * 400,
    "",
]


# -- results and reports ------------------------------------------------------------------------------------------------------------


@cache
def check(*faults, budget=600, pins=(), only=()):
    """Return the result of a whole check of the service, or of these rules, in this process."""
    world = ExternalData(failing_files={"churn/fails.tsv": "NUM_OF_LABEL_INSUFFICIENT"})
    service = Service({EXAMPLE.access_key: EXAMPLE.secret_key}, progress=ProgressMode.parse("seconds:0.5"), fixture_data=world)
    for fault in faults:
        inject_fault(service, fault)
    transport = MemoryTransport(service.handle, service.prefix)
    session = CheckSession(
        Readings.of(dict(pins)),
        FixtureData(failing_file="churn/fails.tsv"),
        run="test",
        prefix=transport.prefix,
        now_ms=transport.now_ms,
        exact_clock=True,
    )
    return Runner(session, plan(only=only), transport, Limits(budget=budget)).run("http://127.0.0.1:8000/api/v1", "all")


def short():
    """Return the result of a check of one rule, for reports in which the cases do not matter."""
    return check(only=("NC110",))


def accepted(result):
    """Return the result of a server all of whose failures are known."""
    outcomes = {case_id: dataclasses.replace(outcome) for case_id, outcome in result.outcomes.items()}
    return accept(dataclasses.replace(result, outcomes=outcomes), {failure.key for failure in result.failures})


def finding_with(text, rule="NC403", pointer=""):
    result_text = Policy(Readings.choose()).documented(rule)
    return Finding(
        dataclasses.replace(result_text, rule=dataclasses.replace(result_text.rule, message="{problem}")), pointer, detail={"problem": text}
    )


def one_failure(**changes):
    """Return a result with one failure, whose exchange has these values."""
    case = Case("case[one]", "NC403")
    usual = {
        "request": create_request({"name": "x"}),
        "target": "/api/v1/tasks",
        "sent_ms": 0,
        "received_ms": 5,
        "status": 200,
        "body": b"{}",
    }
    exchange = Exchange(**usual | changes)
    outcome = Outcome(case, State.FAILED, "", [Failure(case.id, "NC403", finding_with("it differs"), exchange)], [exchange])
    return dataclasses.replace(short(), outcomes={case.id: outcome}, evidence={}, evaluated={})


def report(result, *, curl=lambda exchange: f"curl http://127.0.0.1{exchange.target}"):
    return html_report(result, version="1.2.3", revision="2026.11.0", started_ms=1_764_000_000_000, curl=curl)


# -- reading it back ------------------------------------------------------------------------------------------------------------------

VOID = {"meta", "link", "input"}


@dataclasses.dataclass
class Node:
    """An element with its attributes, its parent and everything below it; `text` is all text in it. A tree that is read stays as it is."""

    tag: str
    attributes: dict
    parent: "Node | None" = None
    children: list = dataclasses.field(default_factory=list)

    @cached_property
    def text(self):
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    @cached_property
    def _below(self):
        """All elements below, in the order of the document, by their tag."""
        found, pending = {}, self._elements()
        while pending:
            node = pending.pop()
            found.setdefault(None, []).append(node)
            found.setdefault(node.tag, []).append(node)
            pending += node._elements()  # noqa: SLF001  # of the same class
        return found

    def _elements(self):
        return [child for child in reversed(self.children) if isinstance(child, Node)]

    def all(self, *tags, **attributes):
        """Return the elements below with one of these tags (without tags: all), and these attributes."""
        wanted = {key.strip("_"): value for key, value in attributes.items()}.items()
        candidates = self._below.get(tags[0] if len(tags) == 1 else None, [])
        return [node for node in candidates if (not tags or node.tag in tags) and wanted <= node.attributes.items()]

    def one(self, *tags, **attributes):
        (found,) = self.all(*tags, **attributes)
        return found


class Reader(HTMLParser):
    """Builds the tree, and rejects what a browser would have to repair."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.root = self.here = Node("", {})

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), "an attribute stands twice"
        node = Node(tag, dict(attrs), self.here)
        self.here.children.append(node)
        if tag not in VOID:
            self.here = node

    def handle_endtag(self, tag):
        assert tag == self.here.tag, f"</{tag}> ends <{self.here.tag}>"
        self.here = self.here.parent

    def handle_data(self, data):
        self.here.children.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl):
        assert decl == "DOCTYPE html"

    def unknown_decl(self, data):
        raise AssertionError(f"a declaration: {data}")

    def handle_pi(self, data):
        raise AssertionError(f"a processing instruction: {data}")


def parsed(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.here is reader.root
    return reader.root


@cache
def page(*faults, **options):
    """Return the parsed report of a whole check."""
    return parsed(report(check(*faults, **options)))
