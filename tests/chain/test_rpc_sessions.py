"""Sessions against a node that answers late, wrongly, out of order or never: each outcome is Ok, Reverted or Unknown."""

import asyncio
import random

import pytest

from bot.chain.rpc import open_rpc, open_session, redact_url, url_kind
from bot.chain.rpc_multiplex import MAX_PENDING
from bot.clock import SystemClock
from bot.core.errors import BadConfiguration, RetryLater
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds
from tests.chain.fake_node import Drop, NoAnswer, NodeFault, Raw
from tests.chain.waiting import until

KEY = "s3cr3t-provider-key"


async def test_answers_find_their_requests_whatever_their_order(node, rpc):
    draw = random.Random(3)

    async def echo(number):
        await asyncio.sleep(draw.random() / 100)
        return number

    node.handlers["echo"] = echo
    answers = await asyncio.gather(*(rpc.request("echo", [number]) for number in range(30)))
    assert answers == [Ok(number) for number in range(30)]


async def test_a_batch_is_answered_in_the_order_of_its_calls(node, rpc):
    node.reverses_batches = True
    node.handlers["echo"] = lambda number: number
    assert await rpc.batch([("echo", [number]) for number in range(20)]) == [Ok(n) for n in range(20)]
    assert await rpc.batch([]) == []


async def test_one_failed_call_of_a_batch_leaves_the_others(node, rpc):
    def odd(number):
        if number == 1:
            raise NodeFault(3, "execution reverted", "0x08c379a0")
        if number == 2:
            raise NoAnswer
        return number

    node.handlers["odd"] = odd
    first, reverted, missing, last = await rpc.batch([("odd", [number]) for number in range(4)])
    assert (first, last) == (Ok(0), Ok(3))
    assert reverted == Reverted("execution reverted", bytes.fromhex("08c379a0"))
    assert isinstance(missing, Unknown)


async def test_null_is_an_answer(node, rpc):
    node.handlers["nothing"] = lambda: None
    assert await rpc.request("nothing", []) == Ok(None)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32005, "limit exceeded"),
        (-32001, "Resource not found"),
        (-32000, "unknown block"),
        (-32000, "header not found"),
        (-32603, "internal error"),
        (429, "too many requests"),
    ],
)
async def test_an_error_that_answers_nothing_is_unknown(node, rpc, code, message):
    def fail():
        raise NodeFault(code, message)

    node.handlers["fail"] = fail
    answer = await rpc.request("fail", [])
    assert isinstance(answer, Unknown)
    assert message in answer.cause


@pytest.mark.parametrize("code", [3, -32000, -32003, -32601, -32602])
async def test_an_error_that_answers_is_reverted_with_its_message(node, rpc, code):
    def fail():
        raise NodeFault(code, "no, because")

    node.handlers["fail"] = fail
    assert await rpc.request("fail", []) == Reverted("no, because")


@pytest.mark.parametrize(
    "frame",
    [
        b'{"jsonrpc":"2.0","id":1}\n',
        b'{"jsonrpc":"2.0","id":1,"error":"text"}\n',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":1}}\n',
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}\n',
        b'{"jsonrpc":"2.0","id":"1","result":"0x1"}\n',
        b'{"jsonrpc":"2.0","id":999,"result":"0x1"}\n',
        b'{"jsonrpc":"2.0","id":1,"result":"0x1"\n',
        b"\xff\xfe\x00not json\n",
        b"[1, 2]\n",
        b"null\n",
        b"<html>gateway</html>\n",
    ],
)
async def test_a_malformed_answer_is_unknown(node, rpc, frame):
    def broken():
        raise Raw(frame)

    node.handlers["broken"] = broken
    assert isinstance(await rpc.request("broken", []), Unknown)


async def test_a_request_that_is_never_answered_is_unknown_and_the_next_one_is_served(node, rpc):
    def never():
        raise NoAnswer

    node.handlers |= {"never": never, "quick": lambda: 1}
    assert isinstance(await rpc.request("never", []), Unknown)
    assert await rpc.request("quick", []) == Ok(1)


async def test_a_late_answer_is_counted_and_given_to_nobody(node, session):
    async def slow():
        await asyncio.sleep(1.0)
        return "late"

    node.handlers |= {"slow": slow, "quick": lambda: "mine"}
    assert isinstance(await session.request("slow", []), Unknown)
    await until(lambda: session.counters.late_answers == 1)
    assert await session.request("quick", []) == Ok("mine")


async def test_a_lost_connection_ends_all_that_waits_with_unknown(node, session):
    arrived = []

    async def hold():
        arrived.append(1)
        await asyncio.sleep(0.02 if len(arrived) == 1 else 60)
        raise Drop

    node.handlers["hold"] = hold
    answers = await asyncio.gather(*(session.request("hold", []) for _ in range(5)))
    assert all(isinstance(answer, Unknown) and "connection lost" in answer.cause for answer in answers)
    reason = await asyncio.wait_for(session.closed(), 5)
    assert reason
    after = await session.request("hold", [])
    assert isinstance(after, Unknown)
    assert reason in after.cause


async def test_a_connection_lost_before_the_answer_is_unknown_over_http_too(node, rpc):
    def cut():
        raise Drop

    node.handlers["cut"] = cut
    assert isinstance(await rpc.request("cut", []), Unknown)


async def test_a_malformed_frame_ends_the_session_because_a_notification_may_be_lost(node, session):
    def broken():
        raise Raw(b"{]\n")

    node.handlers["broken"] = broken
    await session.request("broken", [])
    assert "not JSON" in await asyncio.wait_for(session.closed(), 5)


async def test_notifications_come_in_order_even_before_the_answer_to_subscribe(node, session):
    got = []

    async def subscribe(_kind):
        for number in range(3):
            await node.peers[0].push("early", number)
        return "0xearly"

    node.handlers["eth_subscribe"] = subscribe
    node.peers[0].subscriptions["0xearly"] = "early"
    assert await session.subscribe(["early"], got.append) == Ok("0xearly")
    assert got == [0, 1, 2]
    await node.peers[0].push("early", 3)
    await until(lambda: len(got) == 4)
    assert got == [0, 1, 2, 3]


async def test_a_refused_subscription_is_reverted(node, session):
    def refuse(_kind):
        raise NodeFault(-32602, "no such subscription")

    node.handlers["eth_subscribe"] = refuse
    assert await session.subscribe(["nothing"], print) == Reverted("no such subscription")


async def test_more_requests_than_allowed_are_unknown_at_once(node, session):
    def never():
        raise NoAnswer

    node.handlers["never"] = never
    answers = await session.batch([("never", [])] * (MAX_PENDING + 1))
    assert all("at most" in answer.cause for answer in answers)
    assert len(answers) == MAX_PENDING + 1
    assert node.requests["never"] == 0


async def test_closing_ends_what_waits(node, session):
    def never():
        raise NoAnswer

    node.handlers["never"] = never
    waiting = asyncio.create_task(session.request("never", []))
    await until(lambda: node.requests["never"])
    await session.close()
    assert isinstance(await waiting, Unknown)
    await session.close()


async def test_a_half_open_socket_answers_unknown_within_the_limit(node):
    url = await node.start_ipc()
    session = await open_session(url, SystemClock(), Nanoseconds(100 * 10**6))
    node.is_frozen = True
    answer = await session.request("eth_chainId", [])
    assert isinstance(answer, Unknown)
    node.is_frozen = False
    await session.close()


@pytest.mark.parametrize("url", ["/nowhere/node.ipc", "ws://127.0.0.1:9", "ipc:/nowhere/node.ipc"])
async def test_a_node_that_is_not_there_is_retry_later(url):
    with pytest.raises(RetryLater, match="cannot open"):
        await open_session(url, SystemClock())


async def test_http_cannot_push_and_says_what_can():
    with pytest.raises(BadConfiguration, match=r"websocket .* or an IPC path"):
        await open_session("http://127.0.0.1:9", SystemClock())


async def test_a_handshake_that_is_refused_names_no_secret(node):
    node.refuses_connections = True
    url = await node.start_websocket()
    with pytest.raises(RetryLater) as caught:
        await open_session(f"{url}/v3/{KEY}?token={KEY}", SystemClock())
    assert KEY not in str(caught.value)
    assert "HTTP 503" in str(caught.value)
    assert caught.value.__cause__ is None, "a chained error would print the URL"


async def test_http_causes_name_no_secret():
    rpc = await open_rpc(f"http://127.0.0.1:9/{KEY}", SystemClock())
    answer = await rpc.request("eth_chainId", [])
    await rpc.close()
    assert isinstance(answer, Unknown)
    assert KEY not in answer.cause


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"wss://node.example/v3/{KEY}", "wss://node.example/..."),
        (f"https://user:{KEY}@node.example:8545", "https://node.example:8545"),
        (f"wss://node.example?apikey={KEY}", "wss://node.example/..."),
        (f"wss://node.example/#{KEY}", "wss://node.example/..."),
        (f"ws://[::1]:8546/{KEY}", "ws://[::1]:8546/..."),
        ("ws://127.0.0.1:8546", "ws://127.0.0.1:8546"),
        ("/run/node/geth.ipc", "/run/node/geth.ipc"),
        (f"{KEY}", "(a URL without a host)"),
        (f"ws://host:port{KEY}/", "(a URL that cannot be read)"),
    ],
)
def test_redacted_urls(url, shown):
    assert redact_url(url) == shown
    assert KEY not in redact_url(url)


@pytest.mark.parametrize("url", ["ftp://x", "localhost:8545", ""])
def test_an_unknown_kind_of_url_is_bad_configuration(url):
    with pytest.raises(BadConfiguration, match="is expected"):
        url_kind(url)
