"""Where tokens and pools keep what a hint says will change, found on real contracts and read back."""

import pytest

from bot.chain.balance_slots import ConcentratedAfter, PairAfter, StandIns
from bot.chain.reader import RpcChainReader
from bot.chain.rpc import open_rpc
from bot.clock import SystemClock
from bot.core.identity import BlockRef, keccak
from bot.core.result import Ok, Unknown
from bot.protocols.uniswap_v2 import RESERVES_SLOT

HOLDER, OTHER = b"\x51" * 20, b"\x52" * 20
SOLIDITY, VYPER, FIXED, SHARES = (bytes([mark]) * 20 for mark in (0x61, 0x62, 0x63, 0x64))
POOL = b"\x71" * 20
CODE = {
    # calldata word 0 -> memory 0, place 3 -> memory 32: sload(keccak(key, place))
    SOLIDITY: "600435600052600360205260406000205460005260206000f3",
    # place first, then the key
    VYPER: "600360005260043560205260406000205460005260206000f3",
    # a balance that no storage says
    FIXED: "602a60005260206000f3",
    # twice what is stored
    SHARES: "60043560005260036020526040600020546002026000526020" + "6000f3",
    # getReserves(): slot 8, unpacked into uint112, uint112, uint32
    POOL: "6008546dffffffffffffffffffffffffffff81166000526dffffffffffffffffffffffffffff8160701c1660205260e01c60405260606000f3",
}


def text(raw):
    return "0x" + raw.hex()


def word(value):
    return value.to_bytes(32, "big")


class Stage:
    def __init__(self, anvil, rpc, at):
        self.anvil, self.rpc, self.at, self.stand_ins = anvil, rpc, at, StandIns(rpc)
        self.asked = 0

    def count(self):
        ask = self.rpc.request

        async def counted(method, params):
            self.asked += 1
            return await ask(method, params)

        self.rpc.request = counted


@pytest.fixture
async def stage(anvil):
    packed = 1_000 | 2_000 << 112 | 77 << 224
    for account, code in CODE.items():
        await anvil.rpc("anvil_setCode", [text(account), "0x" + code])
    for token, slot, value in (
        (SOLIDITY, keccak(bytes(12) + POOL + word(3)), 1_000),
        (VYPER, keccak(word(3) + bytes(12) + POOL), 2_000),
        (POOL, word(RESERVES_SLOT), packed),
    ):
        await anvil.rpc("anvil_setStorageAt", [text(token), text(slot), text(word(value))])
    await anvil.rpc("evm_mine")
    rpc = await open_rpc(anvil.url, SystemClock(), 10 * 10**9)
    yield Stage(anvil, rpc, (await RpcChainReader(rpc).head()).value.ref)
    await rpc.close()


async def test_the_slot_of_a_balance_is_found_once_for_all_holders_of_a_token(stage):
    slots = stage.stand_ins
    assert await slots.balance_slot(SOLIDITY, HOLDER, stage.at) == keccak(bytes(12) + HOLDER + word(3))
    assert await slots.balance_slot(VYPER, HOLDER, stage.at) == keccak(word(3) + bytes(12) + HOLDER)
    assert await slots.balance_slot(FIXED, HOLDER, stage.at) is None
    assert await slots.balance_slot(SHARES, HOLDER, stage.at) is None
    stage.count()
    assert await slots.balance_slot(SOLIDITY, OTHER, stage.at) == keccak(bytes(12) + OTHER + word(3))
    assert await slots.balance_slot(FIXED, HOLDER, stage.at) is None
    assert stage.asked == 0


async def test_a_node_without_access_lists_is_tried_by_the_usual_places(node):
    mine = keccak(bytes(12) + HOLDER + word(5))

    def call(call, at, overrides):
        assert at["blockHash"] == text(b"\x01" * 32)
        [(account, diff)] = overrides.items()
        assert account == call["to"] == text(SOLIDITY)
        return diff["stateDiff"].get(text(mine), text(word(9)))

    node.handlers["eth_call"] = call
    rpc = await open_rpc(await node.start_ipc(), SystemClock())
    at = BlockRef(1, b"\x01" * 32)
    assert await StandIns(rpc).balance_slot(SOLIDITY, HOLDER, at) == mine
    await rpc.close()


async def test_silence_is_no_answer_that_is_kept(stage):
    slots, ask = stage.stand_ins, stage.rpc.request

    async def silent(method, params):
        return Unknown("silence")

    stage.rpc.request = silent
    assert await slots.balance_slot(SOLIDITY, HOLDER, stage.at) is None
    stage.rpc.request = ask
    assert await slots.balance_slot(SOLIDITY, HOLDER, stage.at) is not None


async def test_a_pair_stands_as_meant_and_keeps_the_time_of_its_last_change(stage):
    pair = PairAfter(POOL, (SOLIDITY, VYPER), (1_100, 1_900), (100, -100))
    words = (await stage.stand_ins.stand_in([pair], stage.at)).value
    assert {(one.account, one.slot): int.from_bytes(one.value, "big") for one in words} == {
        (POOL, word(RESERVES_SLOT)): 1_100 | 1_900 << 112 | 77 << 224,
        (SOLIDITY, keccak(bytes(12) + POOL + word(3))): 1_100,
        (VYPER, keccak(word(3) + bytes(12) + POOL)): 1_900,
    }


@pytest.mark.parametrize(
    ("tokens", "paid_in", "words"),
    [
        ((FIXED, VYPER), (100, -100), "no known storage layout of token"),
        ((SOLIDITY, SHARES), (100, -100), "no known storage layout of token"),
        ((SOLIDITY, VYPER), (-1_001, 0), "would hold -1"),
    ],
)
async def test_what_has_no_known_layout_has_no_stand_in(stage, tokens, paid_in, words):
    pair = PairAfter(POOL, tokens, (1_100, 1_900), paid_in)
    answer = await stage.stand_ins.stand_in([pair], stage.at)
    assert isinstance(answer, Unknown)
    assert words in answer.cause


async def test_a_pool_that_does_not_stand_as_meant_has_no_stand_in(stage):
    """Its answers are no V3 pool's, whatever is written where such a one keeps price and liquidity."""
    pool = ConcentratedAfter(POOL, (SOLIDITY, VYPER), 1 << 96, 0, 7, (0, 0), "uniswap_v3")
    answer = await stage.stand_ins.stand_in([pool], stage.at)
    assert isinstance(answer, Unknown)
    assert "on its stand-in" in answer.cause
    assert isinstance(await stage.stand_ins.stand_in([], stage.at), Ok)
