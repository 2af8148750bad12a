"""The applications of `serve` and of `proxy` with their page, in this process; the server behind the proxy is the service itself."""

from nclue_contract.cli.proxy import NAME
from nclue_contract.contract.hosts import Target
from nclue_contract.contract.readings import Readings
from nclue_contract.live.app import LiveApp, Watched
from nclue_contract.live.feed import Feed
from nclue_contract.live.service_watch import watched_app
from nclue_contract.live.traffic_tasks import TrafficTasks
from nclue_contract.proxy.app import ProxyApp, ProxyOptions
from nclue_contract.service.addressing import AllowedHosts, split_target
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.messages import Request
from nclue_contract.service.service import Service
from nclue_contract.signing import Credentials
from nclue_contract.traffic.judge import JudgeOptions, TrafficJudge
from nclue_contract.validation.reports.base import Run
from tests.support.signing import ACCESS, NOW, SECRET

URL = "http://localhost:8000/api/v1"


def new_service(progress="immediate", keys=None):
    return Service({ACCESS: SECRET} if keys is None else keys, progress=ProgressMode.parse(progress))


def served(service=None, clock=lambda: NOW):
    """Return the application of `serve`."""
    return watched_app(service or new_service(), URL, AllowedHosts(), clock)


class InMemory:
    """An upstream that is a service; it remembers the requests that were passed on."""

    def __init__(self, service):
        self.service = service
        self.target = Target.parse(URL)
        self.passed = []

    async def send(self, method, target, headers, body):
        sent = b"".join([chunk async for chunk in body])
        pairs = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
        self.passed.append(target)
        return Answer(self.service.handle(Request(method, split_target(target.decode("latin-1"))[1], pairs, sent), NOW))


class Answer:
    def __init__(self, response):
        self.status, self._body = response.status, response.body
        self.headers = [(name.encode(), value.encode()) for name, value in response.headers]

    async def chunks(self):
        yield self._body

    async def aclose(self):
        pass


def proxied(service=None, clock=lambda: NOW):
    """Return the application of `proxy`, as the command composes it, without its outputs; `inner.upstream` is an `InMemory`."""
    upstream, readings, hosts = InMemory(service or new_service()), Readings.choose(), AllowedHosts(command=NAME)
    judging = JudgeOptions(readings, servers=(upstream.target,), credentials=Credentials(ACCESS, SECRET))
    judge, feed = TrafficJudge(judging), Feed("test", (ACCESS, SECRET))
    proxy = ProxyApp(upstream, ProxyOptions(readings, hosts=hosts), lambda one: feed.add_judged(one, judge.judge(one, "here")), clock)
    run = Run("1.2.3", "2026.11.0", readings, strict=False, noun="exchange")
    app = LiveApp(proxy, feed, TrafficTasks(judge), Watched(NAME, URL, judging, run), hosts)
    app.upstream = upstream
    return app
