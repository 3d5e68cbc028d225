"""A chain that stands for the operator's own: anvil with the market's genesis, and gaps where the test wants them."""

import contextlib

from eth_abi import encode

from bot.core.identity import hex_bytes, keccak, to_checksum
from bot.world.accounts import TRADER_DESK, trader_accounts
from bot.world.anvil import AnvilConfig
from bot.world.dump import open_chain
from bot.world.genesis import GenesisConfig
from bot.world.market_plan import MarketPlan
from bot.world.tokens import WETH
from bot.world.venues import UNISWAP_V2

SEED = 7
GAP_SHARE = 50
"""A gap is made by selling this part (1/50) of a pair's WETH to it: its price moves by 4 %."""
_SWAP_PAIR = "swap_pair(address,address,bool,uint256,uint256,uint256)"


class Upstream:
    """Blocks only when the test mines them."""

    def __init__(self, chain):
        self.chain = chain
        [trader, *_] = trader_accounts(chain.plan.seed)
        self.trader = to_checksum(trader.address)
        self.weth_pairs = [
            pair
            for pair in chain.plan.pairs
            if pair.venue == UNISWAP_V2 and WETH in (pair.token0.token, pair.token1.token)
        ]

    @property
    def url(self):
        return self.chain.anvil.url

    @property
    def ws_url(self):
        return self.chain.anvil.ws_url

    async def rpc(self, method, *params):
        return await self.chain.anvil.rpc(method, list(params))

    async def mine(self):
        return await self.chain.mine()

    async def open_gap(self, pair):
        """Sell WETH to a pair of Uniswap's, in a block of its own; its twin on the other venue does not follow."""
        sells0 = pair.token0.token == WETH
        amount = (pair.reserve0 if sells0 else pair.reserve1) // GAP_SHARE
        data = _call(_SWAP_PAIR, pair.address, WETH.address, sells0, amount, pair.venue.fee_numerator, 0)
        sent = await self.send(self.trader, to_checksum(TRADER_DESK), data)
        await self.mine()
        assert (await self.rpc("eth_getTransactionReceipt", sent))["status"] == "0x1"

    async def send(self, sender, to, data):
        """A transaction of anybody's, key or no key; mined with the next block."""
        await self.rpc("anvil_impersonateAccount", sender)
        fields = {"from": sender, "to": to, "data": hex_bytes(data), "gas": hex(10_000_000)}
        return await self.rpc("eth_sendTransaction", fields)

    async def facts(self):
        """What must be the same after a fork was traded on: height, head, and the reserves of every pair."""
        head = await self.rpc("eth_getBlockByNumber", "latest", False)
        call = hex_bytes(keccak(b"getReserves()")[:4])
        reserves = [
            await self.rpc("eth_call", {"to": to_checksum(pair.address), "data": call}, "latest")
            for pair in self.chain.plan.pairs
        ]
        return head["number"], head["hash"], head["stateRoot"], reserves


@contextlib.asynccontextmanager
async def opened(folder, cache, chain_id):
    config = GenesisConfig(chain_id=chain_id)
    chain = await open_chain(MarketPlan(SEED), config, AnvilConfig(log_path=folder / "upstream.log"), cache)
    try:
        yield Upstream(chain)
    finally:
        await chain.anvil.stop()


def _call(signature, *arguments):
    types = signature[signature.index("(") + 1 : -1].split(",")
    return keccak(signature.encode())[:4] + encode(types, arguments)
