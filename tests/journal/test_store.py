import asyncio
import base64
import subprocess
import sys

import msgspec
import pytest
from journal_samples import RUN, WRAPPED_NATIVE, attempt, block, drop, intent, numbered, outcome, payload
from plan_samples import OPERATOR, TOKEN
from sqlalchemy import event

from bot.core.decisions import Verdict
from bot.core.errors import BadConfiguration, BrokenInvariant, Unreachable
from bot.core.identity import intent_id
from bot.core.records import OpenIntent
from bot.journal.database import open_for_writing
from bot.journal.queries import WalletHistory
from bot.journal.read import JournalReader
from bot.journal.rows import row_of
from bot.journal.store import open_journal


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "journal.sqlite3"


@pytest.fixture
async def journal(path):
    store = open_journal(path, WRAPPED_NATIVE)
    await store.record_run(RUN)
    yield store
    await store.close()


async def test_what_was_recorded_is_read_back_field_by_field(journal, path):
    """Also while the bot holds the journal, and with integers beyond 64 bits."""
    await journal.record_drop(drop(0))
    await journal.record_intent(intent(1))
    await journal.record_payload(payload(1))
    await journal.record_attempt(attempt(1))
    await journal.record_attempt(attempt(1, "second relay"))
    await journal.record_outcome(outcome(1))
    await journal.record_block(block(101))
    reader = JournalReader(path)
    assert reader.latest_run() == RUN
    assert reader.drops("run-1") == [drop(0)]
    assert reader.blocks("run-1") == [block(101)]
    (story,) = reader.stories("run-1")
    assert story.intent == intent(1)
    assert story.payloads == (payload(1),)
    assert story.attempts == (attempt(1), attempt(1, "second relay"))
    assert story.outcomes == (outcome(1),)
    assert reader.drops("another run") == reader.blocks("another run") == reader.stories("another run") == []


def test_every_commit_is_synced(path):
    """https://www.sqlite.org/pragma.html#pragma_synchronous: under WAL, 2 (FULL) syncs at each commit, 1 does not."""
    path.parent.mkdir()
    engine = open_for_writing(path)
    with engine.connect() as connection:
        said = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("synchronous", "journal_mode")
        ]
    engine.dispose()
    assert said == [2, "wal"]


async def test_many_at_once_keep_their_order(journal, path):
    await asyncio.gather(*(journal.record_block(block(number)) for number in range(300)))
    assert [record.block.number for record in JournalReader(path).blocks("run-1")] == list(range(300))


async def test_what_waits_together_is_committed_together(journal, path):
    commits = []
    event.listen(journal._engine, "commit", lambda _: commits.append(1))
    await asyncio.gather(*(journal.record_block(block(number)) for number in range(200)))
    assert 1 <= len(commits) < 100
    assert len(JournalReader(path).blocks("run-1")) == 200


async def test_one_bad_record_leaves_its_neighbours(journal, path):
    results = await asyncio.gather(
        journal.record_intent(intent(1)),
        journal.record_intent(intent(1)),
        journal.record_payload(payload(2)),
        journal.record_intent(intent(3)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), BrokenInvariant, BrokenInvariant, type(None)]
    assert [story.id for story in JournalReader(path).stories("run-1")] == [
        intent_id(numbered(index)) for index in (1, 3)
    ]


async def test_no_attempt_without_its_payload_on_disk(journal):
    await journal.record_intent(intent(1))
    with pytest.raises(BrokenInvariant, match="FOREIGN KEY"):
        await journal.record_attempt(attempt(1))


async def test_a_mined_outcome_without_a_gas_cost_is_refused(journal):
    await journal.record_intent(intent(1))
    with pytest.raises(ValueError, match="no zero"):
        await journal.record_outcome(outcome(1, gas_cost=None))
    await journal.record_outcome(outcome(1, Verdict.OUTBID, gas_cost=None, profit=None))


async def test_open_is_what_has_no_end_or_an_unknown_one(journal):
    for index in range(4):
        await journal.record_intent(intent(index))
    await journal.record_payload(payload(1))
    unknown = outcome(1, Verdict.UNKNOWN, None, None)
    await journal.record_outcome(unknown)
    await journal.record_outcome(outcome(2, Verdict.OUTBID, None, None))
    await journal.record_outcome(outcome(3, Verdict.UNKNOWN, None, None))
    await journal.record_outcome(outcome(3, Verdict.LANDED))
    assert await journal.open_intents() == [
        OpenIntent(intent(0), ()),
        OpenIntent(intent(1), (payload(1),), unknown.outcome),
    ]


async def test_a_signed_payload_is_held_until_its_nonce_is_used_for_good(journal):
    """Outbid is an end for the intent, not for the payload: its nonce is open (DESIGN, Expiry)."""
    for index, nonce in ((1, 7), (2, 7), (3, 8)):
        await journal.record_intent(intent(index, nonce))
    await journal.record_payload(payload(1))
    await journal.record_outcome(outcome(1, Verdict.OUTBID, None, None))
    await journal.record_outcome(outcome(2, Verdict.CANCELLED, None, None))

    async def holding(head):
        return [held.record.plan.id for held in await journal.holding_intents(head)]

    assert await holding(101) == [payload(1).intent, payload(3).intent], "2 was never signed, 3 is open"
    await journal.record_payload(payload(3, 8))
    landed = outcome(3, Verdict.LANDED)
    await journal.record_outcome(landed)
    assert landed.outcome.block.number == 101
    assert await holding(164) == [payload(1).intent, payload(3).intent], "a reorg can give both nonces back"
    assert await holding(165) == [], "nonce 8 is used for good, so 7 is"
    [first, last] = await journal.holding_intents(101)
    assert (first.outcome.verdict, first.payloads) == (Verdict.OUTBID, (payload(1),))
    assert last.outcome == landed.outcome


async def test_open_ones_are_held_under_a_nonce_that_was_used_for_good(journal):
    for index, nonce in ((1, 7), (2, 8)):
        await journal.record_intent(intent(index, nonce))
        await journal.record_payload(payload(index, nonce))
    await journal.record_outcome(outcome(2, Verdict.LANDED))
    assert [held.record.plan.id for held in await journal.holding_intents(1000)] == [payload(1).intent]


async def test_of_each_intent_the_ledger_gets_the_last_word(journal):
    for index in (1, 2):
        await journal.record_intent(intent(index))
    for told in (
        outcome(1, Verdict.UNKNOWN, None, None),
        outcome(2),
        outcome(1, Verdict.EXPIRED, None, None),
    ):
        await journal.record_outcome(told)
    entries = await journal.ledger_entries(0)
    assert [(e.intent, e.verdict) for e in entries] == [
        (payload(2).intent, "landed"),
        (payload(1).intent, "expired"),
    ]


async def test_ledger_entries_in_wei_since_a_moment(journal):
    foreign = msgspec.structs.replace(
        intent(2), plan=msgspec.structs.replace(intent(2).plan, profit_token=TOKEN)
    )
    for record in (intent(1), foreign, intent(3)):
        await journal.record_intent(record)
    for index in (1, 2):
        await journal.record_outcome(outcome(index))
    await journal.record_outcome(outcome(3, Verdict.LATE, None, None))
    entries = await journal.ledger_entries(0)
    assert [(e.verdict, e.gas_cost, e.realized_profit) for e in entries] == [
        ("landed", 2**70, 2**80),
        ("landed", 2**70, None),
        ("late", 0, None),
    ]
    assert await journal.ledger_entries(2) == entries[1:]
    assert await journal.ledger_entries(4) == []


async def test_intent_ids_of_all_runs(journal, path):
    await journal.record_intent(intent(1))
    await journal.close()
    again = open_journal(path, WRAPPED_NATIVE)
    assert await again.intent_ids() == {intent_id(numbered(1))}
    await again.close()


async def test_wallet_history_over_all_runs(journal):
    assert await journal.wallet_history(OPERATOR) == WalletHistory(None, 0)
    for index, nonce in ((1, 7), (2, 9), (3, 8)):
        await journal.record_intent(intent(index, nonce))
    await journal.record_payload(payload(1))
    await journal.record_payload(payload(3, 8))
    assert await journal.wallet_history(OPERATOR) == WalletHistory(9, 2)
    assert await journal.wallet_history(TOKEN) == WalletHistory(None, 0)


async def test_prefixes(journal, path):
    for index in range(64):
        await journal.record_intent(intent(index))
        await journal.record_drop(drop(1000 + index))
    reader = JournalReader(path)
    names = [intent_id(numbered(index)) for index in [*range(64), *range(1000, 1064)]]
    shortest = next(
        (name, size)
        for name in names
        for size in range(1, 9)
        if sum(n.startswith(name[:size]) for n in names) == 1
    )
    assert reader.story(shortest[0][: shortest[1]].upper()).id == shortest[0]
    assert reader.story(names[-1]).intent is None
    assert reader.story(names[-1]).drops == (drop(1063),)
    crowded = next(letter for letter in {name[0] for name in names} if sum(n[0] == letter for n in names) > 1)
    with pytest.raises(BadConfiguration, match="several plans' ids begin with"):
        reader.story(crowded)
    for absent in ("11111111", "", "%", "_"):
        with pytest.raises(BadConfiguration, match="no plan's id begins with"):
            reader.story(absent)


async def test_a_closed_journal_says_so(path):
    store = open_journal(path, WRAPPED_NATIVE)
    await store.close()
    with pytest.raises(Unreachable, match="closed"):
        await store.record_run(RUN)


async def test_after_a_failed_commit_nothing_is_taken_any_more(journal, path):
    """A read-only database stands for a full disk: the commit fails, the bot must stop."""
    driver = journal._engine.raw_connection()
    driver.execute("PRAGMA query_only=ON")
    with pytest.raises(Unreachable, match="nothing more is signed"):
        await journal.record_block(block(1))
    driver.execute("PRAGMA query_only=OFF")
    with pytest.raises(Unreachable, match="nothing more is signed"):
        await journal.record_block(block(2))
    assert JournalReader(path).blocks("run-1") == []


HOLDER = """
import sys
from pathlib import Path
from bot.journal.store import open_journal
open_journal(Path(sys.argv[1]), bytes(20))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_bot_is_refused_with_the_pid_of_the_first(path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BadConfiguration, match=f"another bot, process {holder.pid}:"):
            open_journal(path, WRAPPED_NATIVE)
    finally:
        holder.kill()
        holder.communicate()
    open_journal(path, WRAPPED_NATIVE)


def test_the_blobs_are_json_a_person_can_read(tmp_path):
    seen = msgspec.json.decode(row_of(payload(1))["record"])
    assert base64.b64decode(seen["raw"]) == payload(1).raw
