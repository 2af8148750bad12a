"""What `serve` shows: each request that its service handles, judged as the journal judges it, and the tasks in its store."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from itertools import islice

from nclue_contract import __version__
from nclue_contract.contract.hosts import Target
from nclue_contract.contract.masking import Masker, sent_secrets
from nclue_contract.contract.model import contract
from nclue_contract.live.app import LiveApp, Watched
from nclue_contract.live.feed import Feed
from nclue_contract.live.views import MAX_TASKS, TaskOverview, TaskView
from nclue_contract.service.addressing import AllowedHosts
from nclue_contract.service.asgi import App
from nclue_contract.service.faults.injection import wrap_method
from nclue_contract.service.lifecycle import Task
from nclue_contract.service.messages import Request, Response
from nclue_contract.service.service import Service
from nclue_contract.signing import Credentials, now_ms
from nclue_contract.traffic.exchanges import MIN_SECRET_LENGTH, RecordedExchange
from nclue_contract.traffic.judge import JudgeOptions, TrafficJudge
from nclue_contract.validation.reports.base import Run

CUT = "the response was cut in the middle, as it was asked to be"
"""What is said of a response that an injected failure has cut."""


def judge_options(service: Service, server: Target) -> JudgeOptions:
    """Return how the requests to a service are judged: as it judges them itself, unless it has an injected fault."""
    signed = frozenset(contract().headers)
    ignore = frozenset(rule.code for rule in contract().rules.values() if rule.fields and signed.issuperset(rule.fields))
    pair = next(iter((service.keys or {}).items()), None)
    credentials = None if pair is None else Credentials(*pair)
    return JudgeOptions(service.readings, False, frozenset() if pair else ignore, (), (server,), credentials, "client")


def watched_app(service: Service, url: str, hosts: AllowedHosts, clock: Callable[[], int] = now_ms) -> LiveApp:
    """Return the application of a service with its page; `url` is the base URL, `hosts` are those that it responds for.

    To be called after all faults are injected.
    """
    server = Target.parse(url)
    judging = judge_options(service, server)
    keys = service.keys or {}
    feed = Feed(secrets.token_hex(4), (*keys.keys(), *keys.values()), TrafficJudge(judging))
    watch = ServiceWatch(service, feed, server.origin, clock)
    run = Run(__version__, contract().revision, service.readings, strict=False, ignored=tuple(sorted(judging.ignore)), noun="exchange")
    return LiveApp(App(service, clock, hosts), feed, watch.tasks, Watched("serve", url, judging, run), hosts)


class ServiceWatch:
    """Adds each request of a service to a feed. To be created after all faults are injected.

    `origin` is that of the server; `clock` returns milliseconds since 1970-01-01 UTC.
    """

    def __init__(self, service: Service, feed: Feed, origin: str, clock: Callable[[], int]) -> None:
        self._service = service
        self._feed = feed
        self._origin = origin
        self._clock = clock
        self._sent_secrets: OrderedDict[str, list[str]] = OrderedDict()
        wrap_method(service, "handle", self._handle)
        wrap_method(service, "reset", self._reset)

    def tasks(self) -> TaskOverview:
        """Return the newest tasks as they are now, and the counts of all. This does not count as a read."""
        service = self._service
        service.lifecycle.tick(service.active, self._clock())
        words, counts = service.serializer.status_words, dict.fromkeys(service.serializer.status_words, 0)
        for task in service.store:
            counts[words[task.stage]] += 1
        newest = islice(service.store, max(0, len(service.store) - MAX_TASKS), None)
        return TaskOverview([self._view(task) for task in newest], [(word, count) for word, count in counts.items() if count])

    def _view(self, task: Task) -> TaskView:
        keys = self._service.keys or {}
        masker = Masker([*keys.keys(), *keys.values(), *self._sent_secrets.get(task.task_id, ())], same_length=True)
        status, created = self._service.serializer.status_words[task.stage], self._service.serializer.time(task.created_ms)
        return TaskView(task.task_id, masker.text(task.name), status, task.stage, str(created))  # a fault makes it a number

    def _handle(self, original: Callable[[Request, int], Response], request: Request, now_ms: int) -> Response:
        response = original(request, now_ms)
        if request.method.upper() == contract().operations["createTask"].method and response.status < 300:
            self._remember_secrets(request, response)
        self._feed.add(
            RecordedExchange(
                request.method,
                self._origin,
                request.target,
                request.headers,
                request.body,
                response.status,
                response.headers,
                response.body,
                now_ms,
                now_ms + round(response.delay_s * 1000),
                CUT if response.cut else "",
            )
        )
        return response

    def _remember_secrets(self, request: Request, response: Response) -> None:
        """Keep what must not be shown of a task: a client can give it the name that is its signature."""
        with suppress(ValueError, AttributeError):  # an injected fault may return anything
            task_id = response.json().get("task_id")
            sent = [one for one in sent_secrets(request.headers) if len(one) >= MIN_SECRET_LENGTH]
            if sent and isinstance(task_id, str):
                self._sent_secrets[task_id] = sent
        while len(self._sent_secrets) > MAX_TASKS:
            self._sent_secrets.popitem(last=False)

    def _reset(self, original: Callable[[], None]) -> None:
        original()
        self._sent_secrets.clear()
        self._feed.clear()
