"""A searcher who bids drawn shares at drawn times for the very gap that the law's rival bids for, block after block.

Bundles go to the relay over HTTP, their arrival stated by header; what became of them is read from the chain. What the
builder wrote down and what the law says is kept beside it, for the judge alone.
"""

import json
import random
from dataclasses import dataclass

import aiohttp

from bot.core.identity import from_hex, hex_bytes, keccak, to_checksum
from bot.core.transaction import TransactionFields
from bot.core.units import BPS_WHOLE, Bps, Nanoseconds, Wei, mul_div_up, share_down
from bot.costs.base_fee import next_base_fee
from bot.execution.inclusion_model import InclusionModel
from bot.protocols.executor import encode_execute
from bot.protocols.multicall3 import Call, decode_aggregate3_result, encode_aggregate3
from bot.protocols.uniswap_v2 import decode_reserves, reserves_calldata
from bot.world.accounts import ThrowawayAccount
from bot.world.assembly import open_market
from bot.world.bidding_law import BiddingLaw
from bot.world.competitor import Market as PairNow
from bot.world.competitor import best_catch, cycle_of
from bot.world.flashbots_auth import HEADER, sign
from bot.world.keystores import wallet_account
from bot.world.market_config import MarketConfig
from bot.world.market_plan import MarketPlan
from bot.world.relay_server import VIRTUAL_ARRIVAL
from bot.world.sealing import read_head
from bot.world.tokens import WETH
from bot.world.venues import MULTICALL3
from tests.execution.calibration_table import calibration

SLOT = 12 * 10**9
GAS_EXPECTED = 190_000
"""Of a cycle over two pairs, by which a net profit is reckoned: both searchers share that rule, so a share is a share."""
GAS_LIMIT = 600_000
WETH_BALANCES = 3
"""Slot of the mapping in WETH9."""
BALANCE_OF = bytes.fromhex("70a08231")
SHARES = (500, 9_500)
PLACES = {"builder-a": 0, "builder-b": 1}
"""Of the builders, in the law."""


@dataclass(frozen=True)
class Met:
    """One bundle and its end."""

    number: int
    share: Bps
    fraction: float
    won: bool
    rival_share: Bps | None
    """By the chain: what the winner of our pools paid his builder, of our net profit."""
    fate: str
    """The next four by the builder's log: of our bundle, in the block that became one."""
    reason: str
    place: int
    rival_bid: Bps | None

    @property
    def offset(self):
        return Nanoseconds(int(self.fraction * SLOT))

    @property
    def is_late(self):
        return self.fate == "late"

    def due_to_win(self, law):
        """What the law says of this very block and the builder who made it; a rival of the same share wins."""
        rival = law.rival_share(self.number)
        is_open = self.fraction <= law.closes_at(self.number, self.place)
        return is_open and (rival is None or rival < self.share)


class Bidder:
    """The bot's wallet and Executor in hands that draw bids: any share, any time of the slot, often late in it."""

    def __init__(self, market, session, endpoints, builder_log):
        self._market, self._session, self._builder_log = market, session, builder_log
        self._urls = [market.endpoints.relays[name] for name in endpoints]
        seed = market.config.seed
        self._account = wallet_account(seed, "main")
        self._identity = ThrowawayAccount(seed, "identity of the bidder")
        self._draw = random.Random(f"bidder {seed}")
        plan = MarketPlan(seed, market.config.pools, market.config.tokens)
        self._pairs = [pair for pair in plan.pairs if WETH in (pair.token0.token, pair.token1.token)]
        self._wins = 0

    async def meet(self):
        """One bundle for the next block, which is then built; None where the block has no gap worth its gas."""
        base_fee = next_base_fee(read_head(await self._ask("eth_getBlockByNumber", "latest", False)))
        catch = best_catch(await self._pairs_now())
        net = -1 if catch is None else catch.profit - GAS_EXPECTED * base_fee
        if net <= 0:
            await self._market.engine.seal_next()
            return None
        share, fraction = drawn_bid(self._draw)
        number = self._market.engine.head.number + 1
        raw, tx_hash = self._signed(catch, Wei(share_down(net, share)), number, base_fee)
        await self._send(raw, number, fraction)
        await self._market.engine.seal_next()
        won = await self._ask("eth_getTransactionReceipt", hex_bytes(tx_hash)) is not None
        self._wins += won
        pools = {catch.buy_at.pair.address, catch.sell_at.pair.address}
        paid = None if won else await self._paid_by_a_rival(number, pools)
        rival_share = None if paid is None else Bps(mul_div_up(paid, BPS_WHOLE, net))
        return Met(number, share, fraction, won, rival_share, *self._told(number, tx_hash))

    async def _ask(self, method, *params):
        return await self._market.anvil.rpc(method, params)

    async def _pairs_now(self):
        calls = [Call(pair.address, reserves_calldata(), allow_failure=False) for pair in self._pairs]
        request = {"to": to_checksum(MULTICALL3), "data": hex_bytes(encode_aggregate3(calls))}
        results = decode_aggregate3_result(from_hex(await self._ask("eth_call", request, "latest")))
        reserves = [decode_reserves(result.data) for result in results]
        return [
            PairNow(pair, True, *both) if pair.token0.token == WETH else PairNow(pair, False, *both[::-1])
            for pair, both in zip(self._pairs, reserves, strict=True)
        ]

    def _signed(self, catch, payment, number, base_fee):
        fields = TransactionFields(
            chain_id=self._market.chain_id,
            nonce=self._wins,
            max_priority_fee_per_gas=0,
            max_fee_per_gas=base_fee,
            gas_limit=GAS_LIMIT,
            to=self._market.stage.executor,
            value=0,
            data=encode_execute((cycle_of(catch),), WETH.address, 0, payment, number, number),
        )
        return self._account.sign(fields)

    async def _send(self, raw, number, fraction):
        params = [{"txs": [hex_bytes(raw)], "blockNumber": hex(number)}]
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_sendBundle", "params": params}).encode()
        headers = {HEADER: sign(self._identity.private_key, body), VIRTUAL_ARRIVAL: str(fraction)}
        for url in self._urls:
            async with self._session.post(url, data=body, headers=headers) as response:
                answer = await response.json()
                assert "result" in answer, answer

    async def _paid_by_a_rival(self, number, pools):
        """Wei, by what the block's builder gained beyond its tips, where one stranger alone went through both pools."""
        block, receipts = (
            await self._ask("eth_getBlockByNumber", hex(number), False),
            await self._ask("eth_getBlockReceipts", hex(number)),
        )
        takers = [one for one in receipts if pools <= {from_hex(log["address"]) for log in one["logs"]}]
        if len(takers) != 1:
            return None
        before, after = [
            int(await self._ask("eth_getBalance", block["miner"], hex(at)), 16) for at in (number - 1, number)
        ]
        base_fee = int(block["baseFeePerGas"], 16)
        tips = sum(
            int(one["gasUsed"], 16) * (int(one["effectiveGasPrice"], 16) - base_fee) for one in receipts
        )
        return after - before - tips

    def _told(self, number, tx_hash):
        """(fate, reason, builder's place, rival's share) by the builder's log."""
        story = json.loads(self._builder_log.read().splitlines()[-1])
        assert story["number"] == number
        [own] = [one for one in story["bundles"] if hex_bytes(tx_hash) in one["transactions"]]
        rival = story["competitor"]
        return (
            own["fate"],
            own["reason"],
            PLACES[story["builder"]],
            rival and Bps(rival["bid_share_bps"]),
        )


def drawn_bid(draw):
    """Share and part of the slot."""
    return Bps(draw.randrange(*SHARES)), round(draw.betavariate(5, 1.5), 4)


def chance_of_each_end(law, draws=400):
    """By the law alone, builder A, of the bids this searcher draws: won against nobody, won against a rival, outbid, late."""
    draw = random.Random("ends")
    bids = [drawn_bid(draw) for _ in range(draws)]
    unopposed = sum(law.chance(Bps(0), fraction) for _, fraction in bids) / draws
    won = sum(law.chance(*bid) for bid in bids) / draws
    in_time = sum(law.chance(Bps(BPS_WHOLE), fraction) for _, fraction in bids) / draws
    return unopposed, won - unopposed, in_time - won, 1 - in_time


def drawn_market_seed(draw, least):
    """Of a market under whose law each end is at least that likely: some laws never close within the slot."""
    while True:
        seed = draw.randrange(2**31)
        if min(chance_of_each_end(BiddingLaw(seed))) >= least:
            return seed


async def let_recipients_hold_weth(market):
    """One wei each: a first payment to an empty account costs 17,100 gas more, and builders rank by payment for each gas."""
    for holder in (market.stage.profit_recipient, market.stage.competitor_recipient):
        slot = keccak(holder.rjust(32, b"\0") + WETH_BALANCES.to_bytes(32, "big"))
        one = hex_bytes((1).to_bytes(32, "big"))
        await market.anvil.rpc("anvil_setStorageAt", [to_checksum(WETH.address), hex_bytes(slot), one])
        call = {"to": to_checksum(WETH.address), "data": hex_bytes(BALANCE_OF + holder.rjust(32, b"\0"))}
        assert int(await market.anvil.rpc("eth_call", [call, "latest"]), 16) == 1


async def play(run_dir, cache, seed, bundles, relays):
    """So many bundles' ends in one market, and how many blocks had nothing to bid for."""
    config = MarketConfig(
        run_dir=run_dir,
        seed=seed,
        cache=cache,
        relays=relays,
        hidden_law=True,
        lockstep=True,
        exchanges=False,
        competitor_probability=Bps(BPS_WHOLE),
    )
    endpoints = ("market",) if relays == "one" else ("market", "market-titan")
    met, empty = [], 0
    async with open_market(config) as market, aiohttp.ClientSession() as session:
        await let_recipients_hold_weth(market)
        await market.engine.open()
        with (config.run_dir / "builder.jsonl").open("rb") as builder_log:
            bidder = Bidder(market, session, endpoints, builder_log)
            while len(met) < bundles:
                one = await bidder.meet()
                if one is None:
                    empty += 1
                    assert empty <= bundles, f"{empty} blocks without a gap worth its gas, {len(met)} with"
                else:
                    met.append(one)
    return met, empty


def score(met, law, places):
    """The model learns from the first half and is scored on the second; the law's chance for those `places`."""
    half = len(met) // 2
    learned, held_out = met[:half], met[half:]
    model = InclusionModel()
    for one in learned:
        model.note(one.share, one.offset, one.won, one.rival_share)
    model.refit()
    return calibration(
        [model.chance(one.share, one.offset) for one in held_out],
        [one.won for one in held_out],
        [model.chance(one.share, one.offset) for one in learned],
        true=[law.chance(one.share, one.fraction, places) for one in held_out],
    )
