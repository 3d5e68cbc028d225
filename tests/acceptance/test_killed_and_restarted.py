"""The bot is killed at random instants and started again on the same folder: the chain and its journal agree.

Law 3: a process killed at any instant restarts with no double send, no lost order, no freed budget.
"""

import random
import time
from functools import cached_property

import pytest
from oracle.chain_reader import ChainReader
from oracle.executor_calldata import decode_execute
from oracle.judge import SentBundle, judge
from oracle.market_reader import MarketReader
from oracle.transaction_decoder import decode_transaction
from oracle.venues import FEES, V3_FACTORIES

from acceptance.journal_file import count_blocks, read_intents
from acceptance.market_process import OpenMarket, open_market
from acceptance.processes import Family, bot, wait_for
from acceptance.sizes import draw_seed

pytestmark = [pytest.mark.market, pytest.mark.slow, pytest.mark.timeout(300)]
KILLS = 6
MOST_KILLS = 16
"""Goes on so long until an intent was open at the last one, for what observes then to leave alone."""
BLOCKS_BETWEEN = (1, 5)
LONGEST_WAIT_S = 0.4
"""Further, within a block: a block of the market takes less than that."""
OBSERVED_BLOCKS = 2
LAST_BLOCKS = 8
STARTS_WITHIN_S = 60


class KilledBot:
    """One folder, one market, one signer; the bot comes and goes."""

    def __init__(self, family: Family, market: OpenMarket) -> None:
        self.family = family
        self.market = market
        self.journal = market.folder / "journal.sqlite3"
        self.reader: ChainReader = market.reader()
        self.runs = 0
        self.open_when_killed: list[int] = []
        """Intents, by kill."""

    def start(self, *options: str, mode: str = "live"):
        self.runs += 1
        places = self.market.own_places() | {"BOT_MODE": mode}
        command = bot("run", "--env-file", self.market.env_file, "--plain", *options)
        return self.family.start(command, f"bot{self.runs}", places)

    def run(self, blocks: int, mode: str = "live") -> None:
        """To its orderly end."""
        code = self.start("--blocks", str(blocks), mode=mode).wait(STARTS_WITHIN_S)
        assert code == 0, self.family.said(f"bot{self.runs}")

    def live_and_die(self, chance: random.Random) -> int:
        """Start, and kill without warning after some blocks and a part of one; the intents that were open."""
        process = self.start()
        wanted = count_blocks(self.journal) + chance.randint(*BLOCKS_BETWEEN)
        wait_for(
            lambda: count_blocks(self.journal) >= wanted or process.poll() is not None, STARTS_WITHIN_S, 0.01
        )
        assert process.poll() is None, self.family.said(f"bot{self.runs}")
        time.sleep(chance.uniform(0, LONGEST_WAIT_S))
        process.kill()
        process.wait(10)
        return sum(not intent.verdicts for intent in self.intents())

    def intents(self):
        return read_intents(self.journal)

    @cached_property
    def blocks(self):
        return {
            height: self.reader.block(height)
            for height in range(self.market.first_block + 1, self.reader.head() + 1)
        }

    @cached_property
    def mined(self):
        """Every transaction of the bot's wallet, in order."""
        return [
            tx
            for block in self.blocks.values()
            for tx in block.transactions
            if tx.sender == self.market.wallet
        ]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Killed some times, then observing on the same folder, then run to an orderly end."""
    seed = draw_seed()
    with Family(tmp_path_factory.mktemp("killed")) as family:
        market = open_market(family, seed)
        one = KilledBot(family, market)
        family.start(bot("signer", "--env-file", market.env_file), "signer", market.own_places())
        chance = random.Random(seed)
        while len(one.open_when_killed) < KILLS or (
            one.open_when_killed[-1] == 0 and len(one.open_when_killed) < MOST_KILLS
        ):
            one.open_when_killed.append(one.live_and_die(chance))
        one.before_observing = one.intents()
        one.run(OBSERVED_BLOCKS, mode="observe")
        one.after_observing = one.intents()
        one.run(LAST_BLOCKS)
        yield one


def test_every_intent_has_one_final_verdict_and_it_is_true(killed, say):
    states = MarketReader(killed.reader, FEES, V3_FACTORIES)
    states.states(killed.market.first_block)
    judged = {}
    for intent in killed.intents():
        assert len(intent.verdicts) == 1, f"seed {killed.market.seed}, {intent.id}: {intent.outcomes}"
        [verdict] = intent.verdicts
        assert intent.outcomes[-1]["verdict"] == verdict
        for raw in intent.raws:
            truth = true_verdicts(killed, states, raw, intent.target_block)
            assert verdict in truth, (
                f"seed {killed.market.seed}, {intent.id} for block {intent.target_block}: {verdict} "
                f"({intent.outcomes[-1]['reason']}), true is {truth}"
            )
            judged[verdict] = judged.get(verdict, 0) + 1
    assert judged.get("landed", 0) == len(killed.mined) > 0
    say(
        f"seed {killed.market.seed}: killed {len(killed.open_when_killed)} times with {killed.open_when_killed} intents open, "
        f"{len(killed.blocks)} blocks, verdicts {judged}"
    )


def true_verdicts(killed, states, raw, target_block):
    """The oracle's; and one that was signed and then not handed over just did not land: `expired`, if not outbid."""
    tx = decode_transaction(raw)
    bundle = SentBundle(tx, decode_execute(tx.data), target_block, target_block - 1)
    planned_on = states.states(target_block - 1)
    truth = judge(bundle, states.pools, planned_on, killed.blocks[target_block], killed.mined)
    if truth.mined or "outbid" in truth.verdicts:
        return set(truth.verdicts)
    return {*truth.verdicts, "expired"}


def test_no_intent_landed_twice_and_none_unrecorded(killed):
    owners = {decode_transaction(raw).hash: intent.id for intent in killed.intents() for raw in intent.raws}
    landed = [owners[tx.hash] for tx in killed.mined]
    assert len(landed) == len(set(landed)) > 0


def test_nonces_are_consecutive(killed):
    nonces = [tx.nonce for tx in killed.mined]
    assert nonces == list(range(nonces[0], nonces[0] + len(nonces)))


def test_gas_booked_is_gas_paid(killed):
    """By intent, by sum, and by what left the wallet, which pays for nothing else."""
    paid = {tx.hash: tx.gas_used * tx.gas_price for tx in killed.mined}
    for intent in killed.intents():
        gas = [paid[tx_hash] for raw in intent.raws if (tx_hash := decode_transaction(raw).hash) in paid]
        assert [intent.outcomes[-1]["gas_cost"]] == (gas or [None]), intent.id
    wallet, first, last = killed.market.wallet, killed.market.first_block, max(killed.blocks)
    before, after = (killed.reader.ether_balance(wallet, height) for height in (first, last))
    assert before - after == sum(paid.values()) > 0


def test_no_budget_was_free_that_was_spent_or_open(killed):
    """At each signature the gate saw all gas the chain had taken that day, and what was still open, at its worst."""
    intents = killed.intents()
    paid_before = [paid_until(killed, intent.record["plan"]["state"]["number"]) for intent in intents]
    for index, intent in enumerate(intents):
        sharing = [earlier for earlier in intents[:index] if earlier.nonce == intent.nonce]
        bounds = [intent.reserved("worst_cost"), *(earlier.reserved("expired_cost") for earlier in sharing)]
        assert intent.seen_by_check("value_in_flight") >= max(bounds), intent.id
        assert intent.seen_by_check("gas_spend_per_day") >= paid_before[index] + max(bounds), intent.id
    assert paid_before[-1] > paid_before[0] == 0


def paid_until(killed, height):
    """Gas the wallet paid in the day of block `height`, up to that block."""
    blocks = [block for block in killed.blocks.values() if block.number <= height]
    today = blocks[-1].timestamp // 86_400 if blocks else 0
    ours = (
        tx
        for block in blocks
        for tx in block.transactions
        if tx.sender == killed.market.wallet and block.timestamp // 86_400 == today
    )
    return sum(tx.gas_used * tx.gas_price for tx in ours)


def test_observing_on_a_live_folder_leaves_its_intents_alone(killed):
    assert any(not intent.verdicts for intent in killed.before_observing)
    assert killed.after_observing == killed.before_observing
