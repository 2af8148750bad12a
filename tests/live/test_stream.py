"""The feed and its streams: what is kept, what is sent to whom, and that nobody who watches costs more than what is kept."""

import asyncio
import json
from contextlib import aclosing

import pytest

from nclue_contract.live.feed import Feed
from nclue_contract.live.stream import EventStream, TaskChanges
from nclue_contract.live.views import TaskOverview, TaskView
from nclue_contract.traffic.exchanges import RecordedExchange
from tests.support.asgi import events

NONE = TaskOverview()


def exchange(number=1, body=b""):
    return RecordedExchange("GET", "http://localhost", f"/api/v1/tasks?index={number}", (), body, 200, (), b"{}")


def feed(number=0, **limits):
    one = Feed("run", **limits)
    for index in range(1, number + 1):
        one.add(exchange(index))
    return one


def numbers(one):
    return [kept.number for kept in one.after(0, 10_000)]


def stream(one, last_id="", tasks=lambda: NONE, poll_s=60.0):
    return EventStream(one, tasks, last_id, {"command": "serve"}, poll_s)


async def read(chunks, count):
    """Return so many of the next events."""
    found = []
    while len(found) < count:
        found += events(await anext(chunks))
    assert len(found) == count
    return [(event.get("event"), json.loads(event.get("data", "null"))) for event in found], found


# -- what is kept ---------------------------------------------------------------------------------------------------------------------


def test_the_last_exchanges_are_kept():
    one = feed(1_005)
    assert (numbers(one)[0], numbers(one)[-1], len(numbers(one)), one.dropped) == (6, 1_005, 1_000, 5)
    assert [kept.number for kept in one.after(1_003, 50)] == [1_004, 1_005]
    assert [kept.number for kept in one.after(0, 2)] == [6, 7]
    assert one.after(1_005, 50) == one.after(9_999, 50) == []


def test_fewer_are_kept_if_their_bodies_are_large_but_always_the_last_one():
    one = Feed("run", most_bytes=100)
    for size in (10, 60, 30, 500, 5):  # and 2 bytes of each response
        one.add(exchange(1, b"x" * size))
        kept = sum(item.size for item in one.after(0, 100))
        assert kept <= 100 or len(numbers(one)) == 1
    assert (numbers(one), one.dropped) == ([5], 4)


def test_an_exchange_is_judged_when_it_is_first_read_and_once():
    class Counting:
        judged = 0

        def judge(self, one, place):
            assert (one.path, place) == ("/api/v1/tasks", "exchange 1")
            self.judged += 1

    judge = Counting()
    one = Feed("run", judge=judge)
    one.add(exchange())
    assert judge.judged == 0
    (kept,) = one.after(0, 1)
    assert one.event(kept) == one.event(kept)
    assert judge.judged == 1


# -- what is sent ---------------------------------------------------------------------------------------------------------------------


def test_a_new_page_gets_what_is_kept_and_then_what_happens():
    async def run():
        one = feed(2)
        async with aclosing(stream(one).chunks()) as chunks:
            first, raw = await read(chunks, 2)
            assert raw[0] == {"retry": "1000"}
            assert first[1] == ("hello", {"command": "serve", "fresh": True, "dropped": 0})
            more, raw = await read(chunks, 3)
            assert [event["id"] for event in raw[:2]] == ["run-0:1", "run-0:2"]
            assert [(name, value.get("target")) for name, value in more] == [
                ("exchange", "/api/v1/tasks?index=1"),
                ("exchange", "/api/v1/tasks?index=2"),
                ("tasks", None),
            ]
            waiting = asyncio.ensure_future(read(chunks, 1))
            await asyncio.sleep(0)
            assert not waiting.done()
            one.add(exchange(3))
            (event,), raw = await waiting
            assert (event[1]["number"], raw[0]["id"]) == (3, "run-0:3")

    asyncio.run(run())


def after_hello(one, last_id):
    """Return the data of the hello event, and the numbers of the exchanges that a page with this last ID gets."""

    async def run():
        async with aclosing(stream(one, last_id).chunks()) as chunks:
            hello = events(await anext(chunks))[1]
            more = events(await anext(chunks))
            return json.loads(hello["data"]), [json.loads(event["data"])["number"] for event in more if event["event"] == "exchange"]

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("last_id", "fresh", "dropped", "sent"),
    [
        ("run-0:4", False, 0, [5]),
        ("run-0:5", False, 0, []),
        ("run-0:1", False, 1, [3, 4, 5]),
        ("run-0:2", False, 0, [3, 4, 5]),
        ("", True, 2, [3, 4, 5]),
        ("other-0:4", True, 2, [3, 4, 5]),
        ("run-0:6", True, 2, [3, 4, 5]),
        ("run-0:-1", True, 2, [3, 4, 5]),
        ("run-0:²", True, 2, [3, 4, 5]),
        ("run-0:" + "9" * 5_000, True, 2, [3, 4, 5]),
        ("run-0", True, 2, [3, 4, 5]),
    ],
)
def test_a_page_that_comes_back_gets_what_it_has_missed(last_id, fresh, dropped, sent):
    hello, received = after_hello(feed(5, most=3), last_id)
    assert (hello["fresh"], hello["dropped"], received) == (fresh, dropped, sent)


def test_after_a_reset_a_page_forgets_and_begins_again():
    async def run():
        one = feed(3)
        async with aclosing(stream(one).chunks()) as chunks:
            await read(chunks, 2)
            await read(chunks, 4)
            one.clear()
            one.add(exchange(1))
            received, raw = await read(chunks, 3)
            assert [name for name, _ in received] == ["hello", "exchange", "tasks"]
            assert (received[0][1]["fresh"], received[1][1]["number"], raw[1]["id"]) == (True, 1, "run-1:1")

    asyncio.run(run())


def test_a_slow_page_costs_nothing_and_misses_what_is_dropped_meanwhile():
    async def run():
        one = feed(1, most=3)
        async with aclosing(stream(one).chunks()) as chunks:
            await read(chunks, 2)
            await read(chunks, 2)
            for number in range(2, 100):  # nothing is read meanwhile, and nothing but the feed grows
                one.add(exchange(number))
            received, _ = await read(chunks, 3)
            assert [value["number"] for _, value in received] == [97, 98, 99]

    asyncio.run(run())


def test_many_exchanges_come_in_portions_between_which_others_can_run():
    async def run():
        async with aclosing(stream(feed(120)).chunks()) as chunks:
            await anext(chunks)
            portions = [[event["event"] for event in events(await anext(chunks))].count("exchange") for _ in range(3)]
            assert portions == [50, 50, 20]

    asyncio.run(run())


def test_others_can_run_between_the_exchanges_of_a_portion():
    async def run():
        turns = []

        async def other():
            while True:
                turns.append(1)
                await asyncio.sleep(0)

        async with aclosing(stream(feed(50)).chunks()) as chunks:
            await anext(chunks)
            task = asyncio.ensure_future(other())
            await anext(chunks)
            task.cancel()
        assert len(turns) >= 50

    asyncio.run(run())


def test_an_idle_stream_is_kept_alive_by_comments():
    async def run():
        async with aclosing(stream(feed(), poll_s=0.001).chunks()) as chunks:
            await anext(chunks)
            await anext(chunks)  # the tasks
            assert [await anext(chunks) for _ in range(2)] == [b": keep-alive\n\n"] * 2

    asyncio.run(run())


def test_a_closed_feed_ends_its_streams_and_nobody_is_remembered():
    async def run():
        one = feed(1)
        chunks = stream(one).chunks()
        await read(chunks, 2)
        await read(chunks, 2)
        waiting = asyncio.ensure_future(anext(chunks, None))
        await asyncio.sleep(0)
        one.close()
        assert await waiting is None
        assert one._watchers == set()  # noqa: SLF001  # a page that has gone must not be woken for ever

    asyncio.run(run())


# -- tasks ----------------------------------------------------------------------------------------------------------------------------


def task(number, status="registered", stage=0):
    return TaskView(f"id-{number}", f"task {number}", status, stage, "2026-11-26T11:48:16+09:00")


def test_only_what_has_changed_in_the_tasks_is_sent():
    overviews = [
        NONE,
        NONE,
        TaskOverview([task(1), task(2)], [("registered", 2)]),
        TaskOverview([task(1), task(2, "pending", 1)], [("registered", 1), ("pending", 1)]),
        TaskOverview([task(1), task(2, "pending", 1)], [("registered", 1), ("pending", 1)]),
        TaskOverview([task(2, "pending", 1)], [("pending", 1)]),
    ]
    changes = TaskChanges(iter(overviews).__next__)
    told = [changes.next() for _ in overviews]
    assert told[0] == {"whole": True, "changed": [], "gone": [], "counts": []}
    assert told[1] is told[4] is None
    assert [(one["whole"], [changed["id"] for changed in one["changed"]], one["gone"]) for one in (told[2], told[3], told[5])] == [
        (False, ["id-1", "id-2"], []),
        (False, ["id-2"], []),
        (False, [], ["id-1"]),
    ]
    assert told[3]["counts"] == [["registered", 1], ["pending", 1]]


def test_time_alone_moves_tasks_on_a_page():
    async def run():
        overviews = [TaskOverview([task(1)]), TaskOverview([task(1)]), TaskOverview([task(1, "pending", 1)])]

        def tasks():
            return overviews.pop(0) if len(overviews) > 1 else overviews[0]

        async with aclosing(stream(feed(), tasks=tasks, poll_s=0.001).chunks()) as chunks:
            await read(chunks, 2)
            statuses = [(await read(chunks, 1))[0][0][1]["changed"][0]["status"] for _ in range(2)]
            assert statuses == ["registered", "pending"]

    asyncio.run(run())
