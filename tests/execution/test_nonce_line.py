import pytest
from execution_stage import MAIN, head_at, tx_hash
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.core.errors import BrokenInvariant
from bot.core.identity import IntentId
from bot.execution.nonce_line import LivePayload, NonceLine


def payload(nonce, name="payload"):
    return LivePayload(IntentId("intentid"), nonce, tx_hash(name))


def line_at(count, block=10):
    line = NonceLine(MAIN)
    line.note_count(count, head_at(block).ref)
    return line


def test_before_the_chain_was_asked_nothing_may_be_signed():
    line = NonceLine(MAIN)
    assert line.open_nonce is None
    assert not any(line.may_sign(nonce) for nonce in range(5))
    with pytest.raises(BrokenInvariant):
        line.note_payload(payload(0))


def test_only_the_open_nonce_may_be_signed():
    line = line_at(7)
    assert [nonce for nonce in range(20) if line.may_sign(nonce)] == [7]
    with pytest.raises(BrokenInvariant, match="open is 7"):
        line.note_payload(payload(8))
    assert line.live_payloads() == ()


def test_a_signature_does_not_move_the_line():
    line = line_at(7)
    line.note_payload(payload(7, "first"))
    line.note_payload(payload(7, "second"))
    assert line.open_nonce == 7
    assert [p.tx_hash for p in line.live_payloads()] == [tx_hash("first"), tx_hash("second")]


def test_the_chain_moves_the_line_and_ends_every_payload_of_the_nonce():
    line = line_at(7)
    line.note_payload(payload(7, "first"))
    line.note_payload(payload(7, "second"))
    line.note_count(8, head_at(11).ref)
    assert line.open_nonce == 8
    assert line.live_payloads() == ()


def test_a_reorg_steps_back_and_the_payloads_live_again():
    line = line_at(7)
    line.note_payload(payload(7, "first"))
    line.note_count(8, head_at(11).ref)
    line.note_payload(payload(8, "second"))
    line.roll_back(head_at(10).ref)
    assert line.open_nonce == 7
    assert {p.tx_hash for p in line.live_payloads()} == {tx_hash("first"), tx_hash("second")}
    assert not line.may_sign(8)


def test_a_reorg_to_a_block_that_was_not_noted_leaves_the_nonce_unknown():
    line = line_at(7)
    line.note_count(8, head_at(13).ref)
    line.roll_back(head_at(12).ref)
    assert line.open_nonce is None
    line.note_count(7, head_at(12, fork="b").ref)
    assert line.open_nonce == 7


def test_a_count_that_goes_back_without_a_reorg_is_refused_and_not_noted():
    line = line_at(7)
    with pytest.raises(BrokenInvariant, match="count 7 at block 10"):
        line.note_count(6, head_at(11).ref)
    assert (line.open_nonce, line.at) == (7, head_at(10).ref)


def test_another_block_of_the_same_height_is_refused_without_a_reorg():
    line = line_at(7)
    with pytest.raises(BrokenInvariant):
        line.note_count(7, head_at(10, fork="b").ref)
    line.note_count(7, head_at(10).ref)
    assert line.open_nonce == 7


class ChainAndLine(RuleBasedStateMachine):
    """A chain with reorgs of any depth up to 10 beside the line that follows it."""

    def __init__(self):
        super().__init__()
        self.line = NonceLine(MAIN)
        self.chain = [(head_at(1).ref, 0)]
        self.line.note_count(0, self.chain[0][0])
        self.forks = 0
        self.signed = []

    @rule(used=st.booleans())
    def mine(self, used):
        last, count = self.chain[-1]
        block = head_at(last.number + 1, fork=str(self.forks)).ref
        self.chain.append((block, count + used))
        self.line.note_count(count + used, block)

    @rule()
    def sign(self):
        nonce = self.line.open_nonce
        name = f"payload {len(self.signed)}"
        self.line.note_payload(payload(nonce, name))
        self.signed.append(nonce)

    @precondition(lambda self: len(self.chain) > 1)
    @rule(depth=st.integers(1, 10))
    def reorg(self, depth):
        self.forks += 1
        del self.chain[max(1, len(self.chain) - depth) :]
        self.line.roll_back(self.chain[-1][0])

    @invariant()
    def the_line_is_what_the_chain_says(self):
        count = self.chain[-1][1]
        assert self.line.open_nonce == count
        assert [n for n in range(count + 3) if self.line.may_sign(n)] == [count]
        assert sorted(p.nonce for p in self.line.live_payloads()) == sorted(
            n for n in self.signed if n >= count
        )


TestChainAndLine = ChainAndLine.TestCase
