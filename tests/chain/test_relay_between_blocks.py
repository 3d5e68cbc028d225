"""Between blocks, at the door of an account, and taking back: what a route says besides bundles."""

import pytest
from msgspec.structs import replace

from bot.chain.relay_rows import BLOXROUTE, FLASHBOTS, MARKET_TITAN, ROWS
from bot.chain.relays import warm_all
from bot.core.decisions import Bundle
from bot.core.errors import BadConfiguration
from bot.core.result import Ok, Reverted
from tests.chain.relay_server import UNKNOWN_METHOD, UUID, answers

BUNDLE = Bundle((b"\x02first",), 0x1234, UUID, may_revert=True)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_a_ping_names_no_transaction_and_only_when_the_connection_would_go_idle(
    opened, relay, clock, row
):
    route = opened(row, authorization="account")
    await route.warm()
    await route.warm()
    assert len(relay.requests) == 1
    method, params, body, _ = relay.requests[0]
    assert (method, params) in ((row.sends_by, [{}]), (row.sends_by, {}), ("eth_chainId", []))
    assert b"0x" not in body
    assert route.is_usable, route.standing.problem
    clock.later(20)
    await route.warm()
    assert len(relay.requests) == 1
    clock.later(10)
    await route.warm()
    assert len(relay.requests) == 2
    assert route.standing.sent == 0
    assert len(relay.connections) == 1


async def test_a_bundle_keeps_the_connection_warm_by_itself(opened, relay, clock):
    route = opened()
    for block in range(4):
        await route.send(replace(BUNDLE, target_block=block))
        clock.later(12)
        await warm_all([route])
    assert relay.methods == ["eth_sendBundle"] * 4
    assert all(params != [{}] for _, params, _, _ in relay.requests)


async def test_the_first_ping_finds_a_wrong_row_before_the_first_bundle(opened, relay):
    relay.respond = answers(error=UNKNOWN_METHOD)
    route = opened()
    await warm_all([route])
    assert not route.is_usable


async def test_an_account_is_let_in_by_its_header_alone(opened, relay):
    with pytest.raises(BadConfiguration, match="BOT_RELAY_BLOXROUTE__AUTHORIZATION_FILE is not set"):
        opened(BLOXROUTE)
    route = opened(BLOXROUTE, authorization="Y2FuYXJ5")
    assert isinstance(await route.send(BUNDLE), Ok)
    assert relay.headers[0]["Authorization"] == "Y2FuYXJ5"
    assert "X-Flashbots-Signature" not in relay.headers[0]
    relay.respond = answers(401, "unknown account")
    assert isinstance(await route.send(replace(BUNDLE, target_block=2)), Reverted)
    assert "BOT_RELAY_BLOXROUTE__AUTHORIZATION_FILE" in route.standing.problem
    assert "Y2FuYXJ5" not in repr(route.standing)


@pytest.mark.parametrize(
    ("row", "method"), [(FLASHBOTS, "eth_cancelBundle"), (MARKET_TITAN, "eth_sendBundle")]
)
async def test_a_cancel_goes_the_relays_own_way(opened, relay, row, method):
    assert await opened(row).cancel(UUID) == Ok(None)
    [(asked, [fields], _, _)] = relay.requests
    assert asked == method
    assert fields == {"replacementUuid": UUID} | ({} if row is FLASHBOTS else {"txs": []})


async def test_a_cancel_that_is_not_known_takes_nothing_out_of_use(opened, relay):
    relay.respond = answers(error={"code": -32601, "message": "method not found"})
    route = opened()
    assert isinstance(await route.cancel(UUID), Reverted)
    assert route.is_usable
    assert "does not know eth_cancelBundle" in route.standing.problem
