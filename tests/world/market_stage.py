"""An open market for a test, and clients that speak to its doors as anybody would."""

import asyncio
import contextlib
import json

import aiohttp

from bot.core.identity import hex_bytes, to_checksum
from bot.core.transaction import TransactionFields
from bot.world.accounts import ThrowawayAccount
from bot.world.assembly import open_market
from bot.world.flashbots_auth import HEADER, sign
from bot.world.market_config import MarketConfig

SEED = 7
GWEI = 10**9
ETHER = 10**18


def market_config(run_dir, cache, **changes):
    return MarketConfig(run_dir=run_dir, seed=changes.pop("seed", SEED), cache=cache, **changes)


@contextlib.asynccontextmanager
async def opened(tmp_path, cache, **changes):
    """A market that seals only when the test says so; the competitor rests unless asked for."""
    changes.setdefault("competitor_probability", 0)
    async with open_market(market_config(tmp_path / "run", cache, **changes)) as market:
        yield market


class Searcher:
    """A funded account with its own nonce count and an identity towards the relay."""

    def __init__(self, market, role):
        self.market = market
        self.account = ThrowawayAccount(SEED, role)
        self.identity = ThrowawayAccount(SEED, f"identity of {role}")
        self.address = self.account.address
        self.nonce = 0

    async def fund(self, wei=10 * ETHER):
        await self.market.anvil.rpc("anvil_setBalance", [to_checksum(self.address), hex(wei)])
        return self

    def signed(self, to, *, nonce=None, data=b"", value=0, tip=2 * GWEI, cap=500 * GWEI, gas=60_000):
        """Raw transaction and its hash; without `nonce` the next one, which is then used up."""
        if nonce is None:
            nonce, self.nonce = self.nonce, self.nonce + 1
        fields = TransactionFields(
            chain_id=self.market.chain_id,
            nonce=nonce,
            max_priority_fee_per_gas=tip,
            max_fee_per_gas=cap,
            gas_limit=gas,
            to=to,
            value=value,
            data=data,
        )
        return self.account.sign(fields)

    def reverting(self, **options):
        """The Executor refuses every selector it does not have."""
        return self.signed(self.market.stage.executor, data=b"\xde\xad\xbe\xef", **options)

    async def ask(self, method, params, *, url=None, header=None, status=200):
        """The relay's reply, signed by this searcher unless `header` says otherwise."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        headers = {"Content-Type": "application/json"}
        if header != "":
            headers[HEADER] = header or sign(self.identity.private_key, body)
        async with (
            aiohttp.ClientSession() as session,
            session.post(url or self.market.endpoints.relay, data=body, headers=headers) as response,
        ):
            assert response.status == status, await response.text()
            return await response.json()

    async def send_bundle(self, *raws, block=None, **options):
        """The result, for `block` or the next one."""
        number = self.market.engine.head.number + 1 if block is None else block
        bundle = {"txs": [hex_bytes(raw) for raw in raws], "blockNumber": hex(number), **options}
        return (await self.ask("eth_sendBundle", [bundle]))["result"]


class Wire:
    """A client's websocket to the node: requests are answered in order, notifications are kept."""

    def __init__(self, socket):
        self._socket = socket
        self._last_id = 0
        self.news = []

    async def ask(self, method, *params):
        self._last_id += 1
        await self._socket.send_str(json.dumps({"id": self._last_id, "method": method, "params": params}))
        while True:
            message = await self.next_message()
            if message.get("id") == self._last_id:
                return message["result"]
            self.news.append(message["params"])

    async def next_message(self):
        message = await asyncio.wait_for(self._socket.receive(), 10)
        assert message.type == aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def read_news(self):
        """All notifications so far: whatever the node sent before it answers this request."""
        await self.ask("eth_chainId")
        news, self.news = self.news, []
        return news


@contextlib.asynccontextmanager
async def connected(market):
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(market.endpoints.node_ws, max_msg_size=0) as socket,
    ):
        yield Wire(socket)


async def node(market, method, *params):
    """One request over plain HTTP: the whole reply."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    async with (
        aiohttp.ClientSession() as session,
        session.post(market.endpoints.node_http, json=body) as response,
    ):
        return await response.json()


async def receipt(market, tx_hash):
    return await market.anvil.rpc("eth_getTransactionReceipt", [hex_bytes(tx_hash)])


async def transactions_of(market, sealed):
    body = await market.anvil.rpc("eth_getBlockByHash", [hex_bytes(sealed.head.hash), False])
    return body["transactions"]


def stories(market):
    """Every record of the builder's log so far."""
    path = market.config.run_dir / "builder.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def requests(market):
    """Every record of the relay's request log so far."""
    path = market.config.run_dir / "requests.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]
