"""The local market with gaps of our choosing and an Executor in it: what the search finds is really executed."""

from collections.abc import Sequence

from eth_abi import encode

from bot.core.identity import Address, BlockHash, BlockRef, from_hex, hex_bytes, hex_quantity, to_checksum
from bot.core.units import TokenUnits, Wei
from bot.protocols.erc20 import TRANSFER_TOPIC
from bot.protocols.executor import Cycle, Hop, encode_execute
from bot.protocols.uniswap_v2 import RESERVES_SLOT, decode_reserves, reserves_calldata
from bot.state.pool_table import PoolTable, V2Pool
from bot.world.anvil import AnvilConfig
from bot.world.dump import open_chain
from bot.world.genesis import GenesisConfig
from bot.world.market_plan import MarketPlan, PairPlan
from bot.world.parts import world_artifact
from bot.world.tokens import WETH

OWNER, OPERATOR, RECIPIENT = (Address(bytes([mark]) * 20) for mark in (0xA1, 0xA2, 0xA3))
BUILDER = Address(b"\xbb" * 20)
ETHER = 10**18
PRICE_ACCUMULATOR_SLOTS = (9, 10)


class GappedMarket:
    """`open`, then `gap` and `execute`; `close` at the end."""

    @classmethod
    async def open(cls, folder, seed=7):
        self = cls()
        plan = MarketPlan(seed)
        self.chain = await open_chain(
            plan, GenesisConfig(), AnvilConfig(log_path=folder / "anvil.log"), folder / "cache"
        )
        self.anvil = self.chain.anvil
        self.pairs = [pool for pool in plan.pools if isinstance(pool, PairPlan)]
        arguments = encode(
            ["address", "address", "address", "address[]"], [OWNER, RECIPIENT, WETH.address, [OPERATOR]]
        )
        creation = world_artifact("Executor").creation_code + arguments
        self.executor = await self.chain.deploy(creation, OWNER)
        await self.chain.fund(OPERATOR, 1_000 * ETHER)
        await self.chain.fund(BUILDER, ETHER)
        await self.anvil.rpc("anvil_impersonateAccount", [to_checksum(OPERATOR)])
        await self.anvil.rpc("anvil_setCoinbase", [to_checksum(BUILDER)])
        # The recipient of a bot that has earned before.
        await self.chain.deal(WETH.address, RECIPIENT, ETHER)
        await self.chain.mine()
        return self

    async def close(self):
        await self.anvil.stop()

    async def age(self):
        """As if every pair had been traded on before: its price accumulators are no longer zero."""
        one = hex_bytes((1).to_bytes(32, "big"))
        await self.anvil.rpc_batch(
            [
                ("anvil_setStorageAt", [to_checksum(pair.address), hex_bytes(slot.to_bytes(32, "big")), one])
                for pair in self.pairs
                for slot in PRICE_ACCUMULATOR_SLOTS
            ]
        )

    async def gap(self, pair: PairPlan, percent: int):
        """Put `percent` more WETH into a pair, as if somebody had: balance and reserve both."""
        weth_is_token0 = pair.token0.token.address == WETH.address
        reserves = [pair.reserve0, pair.reserve1]
        reserves[not weth_is_token0] = reserves[not weth_is_token0] * (100 + percent) // 100
        await self.chain.deal(WETH.address, pair.address, reserves[not weth_is_token0])
        packed = (reserves[0] | reserves[1] << 112).to_bytes(32, "big")
        slot = RESERVES_SLOT.to_bytes(32, "big")
        await self.anvil.rpc(
            "anvil_setStorageAt", [to_checksum(pair.address), hex_bytes(slot), hex_bytes(packed)]
        )

    async def table(self) -> PoolTable:
        """Every pair with the reserves it answers now."""
        table = PoolTable()
        calls = [
            (
                "eth_call",
                [{"to": to_checksum(pair.address), "data": hex_bytes(reserves_calldata())}, "latest"],
            )
            for pair in self.pairs
        ]
        for pair, answer in zip(self.pairs, await self.anvil.rpc_batch(calls), strict=True):
            venue = pair.venue
            pool = V2Pool(
                pair.address,
                venue.name,
                pair.token0.token.address,
                pair.token1.token.address,
                venue.fee_numerator,
                venue.fee_denominator,
            )
            table.add(pool, *decode_reserves(from_hex(answer)))
        return table

    async def head(self) -> BlockRef:
        block = await self.anvil.rpc("eth_getBlockByNumber", ["latest", False])
        return BlockRef(int(block["number"], 16), BlockHash(from_hex(block["hash"])))

    async def execute(self, opportunities: Sequence, payment: int):
        """(receipt, WETH that reached the recipient) of one `execute`; the chain is put back afterwards."""
        cycles = tuple(
            Cycle(
                one.amount_in,
                tuple(Hop(leg.pool, leg.zero_for_one, leg.amount_out, leg.protocol) for leg in one.legs),
            )
            for one in opportunities
        )
        data = encode_execute(cycles, WETH.address, TokenUnits(1), Wei(payment), 0, 2**63)
        snapshot = await self.anvil.rpc("evm_snapshot")
        sent = await self.anvil.rpc(
            "eth_sendTransaction",
            [
                {
                    "from": to_checksum(OPERATOR),
                    "to": to_checksum(self.executor),
                    "data": hex_bytes(data),
                    "gas": hex_quantity(5_000_000),
                }
            ],
        )
        await self.chain.mine()
        receipt = await self.anvil.rpc("eth_getTransactionReceipt", [sent])
        await self.anvil.rpc("evm_revert", [snapshot])
        return receipt, self._paid_out(receipt)

    def _paid_out(self, receipt):
        padded = [hex_bytes(who.rjust(32, b"\x00")) for who in (self.executor, RECIPIENT)]
        return [
            int(log["data"], 16)
            for log in receipt["logs"]
            if log["address"].lower() == hex_bytes(WETH.address)
            and log["topics"] == [hex_bytes(TRANSFER_TOPIC), *padded]
        ]
