"""What the tests of the chain share: opening a market, reading contracts, playing blocks first in, first out."""

from dataclasses import dataclass

from eth_abi import decode, encode

from bot.core.identity import BlockHash, from_hex, hex_bytes, hex_quantity, keccak, to_checksum
from bot.core.messages import Head
from bot.world.anvil import AnvilConfig
from bot.world.dump import open_chain
from bot.world.genesis import GenesisConfig
from bot.world.local_chain import LocalChain
from bot.world.market_plan import MarketPlan
from bot.world.traders import Traders
from bot.world.traffic import Traffic

SEED = 7
CONFIG = GenesisConfig()


@dataclass
class Stage:
    chain: LocalChain
    traders: Traders
    traffic: Traffic

    @property
    def plan(self):
        return self.chain.plan

    async def rpc(self, method, *params):
        return await self.chain.anvil.rpc(method, list(params))

    async def read(self, to, signature, returns, *arguments, sender=None):
        """Call a view such as `getPair(address,address)`; the decoded tuple."""
        return decode(returns, await self.raw_read(to, signature, *arguments, sender=sender))

    async def raw_read(self, to, signature, *arguments, sender=None):
        call = {"to": to_checksum(to), "data": hex_bytes(calldata(signature, *arguments))}
        if sender is not None:
            call["from"] = to_checksum(sender)
        return from_hex(await self.rpc("eth_call", call, "latest"))

    async def head(self) -> Head:
        return head_of(await self.rpc("eth_getBlockByNumber", "latest", False))

    async def nonces(self):
        accounts = [*self.traders.accounts, self.traffic.account]
        calls = [("eth_getTransactionCount", [to_checksum(a.address), "latest"]) for a in accounts]
        counts = await self.chain.anvil.rpc_batch(calls)
        return {a.address: int(n, 16) for a, n in zip(accounts, counts, strict=True)}

    async def send(self, transactions):
        for transaction in transactions:
            answered = await self.rpc("eth_sendRawTransaction", hex_bytes(transaction.raw))
            assert from_hex(answered) == transaction.hash

    async def receipts(self, number):
        return await self.rpc("eth_getBlockReceipts", hex_quantity(number))

    async def play_block(self, index):
        """Traders first, then traffic, in the order they were signed; the receipts and the intents."""
        head = await self.head()
        nonces = await self.nonces()
        swaps = self.traders.signed_transactions(index, head.base_fee * 9 // 8, nonces)
        background = self.traffic.signed_transactions(index, head, nonces[self.traffic.account.address])
        await self.send([*swaps, *background])
        number = await self.chain.mine()
        receipts = await self.receipts(number)
        assert [from_hex(r["transactionHash"]) for r in receipts] == [t.hash for t in [*swaps, *background]]
        return receipts[: len(swaps)], [swap.intent for swap in swaps]


def calldata(signature, *arguments):
    inner = signature[signature.index("(") + 1 : -1]
    types = _split(inner)
    return keccak(signature.encode())[:4] + encode(types, arguments)


def _split(inner):
    """Types of a parameter list, tuples kept whole."""
    types, depth, current = [], 0, ""
    for character in inner:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            types.append(current)
            current = ""
        else:
            current += character
    return [*types, current] if current else types


def head_of(block) -> Head:
    return Head(
        number=int(block["number"], 16),
        hash=BlockHash(from_hex(block["hash"])),
        parent_hash=BlockHash(from_hex(block["parentHash"])),
        timestamp=int(block["timestamp"], 16),
        base_fee=int(block["baseFeePerGas"], 16),
        gas_used=int(block["gasUsed"], 16),
        gas_limit=int(block["gasLimit"], 16),
        coinbase=from_hex(block["miner"]),
    )


def anvil_config(folder, genesis=None) -> AnvilConfig:
    """For `open_chain` the paths are enough; who starts anvil alone passes the genesis's numbers as well."""
    if genesis is None:
        return AnvilConfig(log_path=folder / "anvil.log")
    return AnvilConfig(
        log_path=folder / "anvil.log",
        chain_id=genesis.chain_id,
        timestamp=genesis.timestamp,
        gas_limit=genesis.gas_limit,
        base_fee_wei=genesis.base_fee_wei,
    )


async def open_stage(folder, cache, seed, pools=40, tokens=12) -> Stage:
    plan = MarketPlan(seed, pools, tokens)
    chain = await open_chain(plan, CONFIG, anvil_config(folder), cache)
    return Stage(chain, Traders(plan, CONFIG.chain_id), Traffic(seed, CONFIG.chain_id, CONFIG.base_fee_wei))
