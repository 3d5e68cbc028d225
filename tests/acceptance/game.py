"""One run of the product on one market, and all that the oracle makes of it."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from oracle.brute_force import BruteForce
from oracle.chain_reader import ChainReader
from oracle.executor_calldata import decode_execute, is_execute
from oracle.facts import Block, MinedTransaction, Pool, PoolState, V3Pool
from oracle.gas_by_shape import GasByShape, GasHop, GasNow, LandedGas
from oracle.judge import Judgement, SentBundle, judge
from oracle.market_reader import MarketReader
from oracle.node import data
from oracle.plan_run import run
from oracle.pool_history import pools_moved, states_before
from oracle.request_log import RelayRequest, from_sender
from oracle.takings import Takings, account_for
from oracle.venues import FEES, V3_FACTORIES, WETH

from acceptance.market_process import OpenMarket, open_market
from acceptance.processes import Family, bot
from acceptance.public_mempool import PublicMempoolWatch

START_S = 90.0
"""To start, connect and compile."""
PER_BLOCK_S = 4.0


@dataclass(frozen=True)
class Judged:
    """One entry of the bot's report beside what the oracle says of it."""

    reported: dict[str, Any]
    bundle: SentBundle
    truth: Judgement


class Game:
    """The market is still up and the bot has ended: history can be read at leisure."""

    def __init__(
        self,
        market: OpenMarket,
        asked: int,
        report: dict[str, Any],
        announced: frozenset[bytes],
    ) -> None:
        self.market = market
        self.asked = asked
        """Blocks after which the bot was to end."""
        self.report = report
        self.announced = announced
        """Hashes the node announced as pending."""
        self.reader: ChainReader = market.reader()
        self.last_block = self.reader.head()

    @property
    def seed(self) -> int:
        return self.market.seed

    @property
    def name(self) -> str:
        return f"seed {self.seed}, {len(self.pools)} pools"

    @cached_property
    def blocks(self) -> list[Block]:
        """All that the market built."""
        return [
            self.reader.block(height) for height in range(self.market.first_block + 1, self.last_block + 1)
        ]

    @cached_property
    def pools(self) -> dict[bytes, Pool]:
        return self.states.pools

    @cached_property
    def states(self) -> MarketReader:
        """Followed from the block before the market built anything."""
        followed = MarketReader(self.reader, FEES, V3_FACTORIES)
        followed.states(self.market.first_block)
        return followed

    def state_before(self, block: Block) -> dict[bytes, PoolState]:
        return self.states.states(block.number - 1)

    @cached_property
    def ours(self) -> list[MinedTransaction]:
        """Mined transactions of the bot's wallet."""
        return [tx for block in self.blocks for tx in block.transactions if tx.sender == self.market.wallet]

    @cached_property
    def our_requests(self) -> list[RelayRequest]:
        return from_sender(self.market.requests(), self.market.wallet)

    @cached_property
    def sent(self) -> dict[bytes, SentBundle]:
        """By transaction hash: every bundle of ours that the relay was handed."""
        return {
            tx.hash: SentBundle(tx, decode_execute(tx.data), request.target_block, request.head)
            for request in self.our_requests
            if request.is_bundle
            for tx in request.transactions
            if is_execute(tx.data)
        }

    @cached_property
    def judged(self) -> list[Judged]:
        """Every sent bundle of the report. One whose target block was never built is none: the run waits for it."""
        by_number = {block.number: block for block in self.blocks}
        return [
            self._judge(entry, by_number[entry["target_block"]])
            for entry in self.report["bundles"]
            if entry["tx_hash"] is not None and data(entry["tx_hash"]) in self.sent
        ]

    @cached_property
    def gas(self) -> GasByShape:
        """Of every execution that landed, the competitor's too; ticks crossed by the oracle's own run of it."""
        return GasByShape(
            [
                self._landed_gas(block, tx)
                for block in self.blocks
                for tx in block.transactions
                if tx.succeeded and is_execute(tx.data)
            ]
        )

    def _landed_gas(self, block: Block, tx: MinedTransaction) -> LandedGas:
        call = decode_execute(tx.data)
        ticks = run(call, self.pools, states_before(block, tx.index, self.state_before(block), call.pools))
        if ticks is None:
            raise ValueError(f"{tx.hash.hex()} landed in block {block.number}, and by the oracle cannot have")
        traded = self.traded_before[block.number]
        hops = tuple(
            tuple(
                self._gas_hop(hop.pool, traded, crossed)
                for hop, crossed in zip(cycle.hops, of_cycle, strict=True)
            )
            for cycle, of_cycle in zip(call.cycles, ticks, strict=True)
        )
        return LandedGas(hops, tx.gas_used)

    def _gas_hop(self, pool: bytes, traded: frozenset[bytes], crossed: int) -> GasHop:
        known = self.pools[pool]
        return GasHop(known.factory, isinstance(known, V3Pool), pool not in traded, crossed)

    @cached_property
    def traded_before(self) -> dict[int, frozenset[bytes]]:
        """By block: pools that were traded on before it."""
        traded: dict[int, frozenset[bytes]] = {}
        so_far: frozenset[bytes] = frozenset()
        for block in self.blocks:
            traded[block.number] = so_far
            so_far = so_far.union(*map(pools_moved, block.transactions))
        return traded

    @cached_property
    def takings(self) -> Takings:
        """Over the blocks in which the bot could land: those that were announced to it, but for the first.

        It was told of `asked` blocks, the first of them built on the head it started from; what it sends on the
        state of one can land in the next.
        """
        announced = range(self.market.first_block + 1, self.market.first_block + self.asked + 1)
        search = BruteForce(self.pools.values(), WETH)
        return Takings(
            tuple(
                account_for(
                    block,
                    search.candidates(self.state_before(block)),
                    GasNow(self.gas, self.traded_before[block.number]),
                    self.market.wallet,
                )
                for block in self.blocks
                if block.number in announced[1:]
            )
        )

    @cached_property
    def lost_to_rivals(self) -> list[Judged]:
        return [one for one in self.judged if "outbid" in one.truth.verdicts]

    def _judge(self, entry: dict[str, Any], target: Block) -> Judged:
        bundle = self.sent[data(entry["tx_hash"])]
        return Judged(entry, bundle, judge(bundle, self.pools, self.state_before(target), target, self.ours))


def play(family: Family, seed: int, blocks: int, name: str, *market_options: str) -> Game:
    """Market, signer and bot as three processes; the bot runs to its end in lockstep, the market stays."""
    market = open_market(family, seed, *market_options, name=f"{name}-market")
    places = market.own_places()
    report_file = market.folder / "report.json"
    options = ["--env-file", market.env_file]
    with PublicMempoolWatch(market.file["endpoints"]["node_ws"]) as watch:
        signer = family.start(bot("signer", *options), f"{name}-signer", places)
        command = bot("run", *options, "--blocks", str(blocks), "--plain", "--report", report_file)
        code = family.start(command, f"{name}-bot", places).wait(START_S + PER_BLOCK_S * blocks)
    said = family.said(f"{name}-bot")
    assert code == 0, f"bot of seed {seed} ended with {code}:\n{said}\n{family.said(f'{name}-signer')}"
    signer.terminate()
    signer.wait(10)
    return Game(market, blocks, json.loads(report_file.read_text()), frozenset(watch.hashes))
