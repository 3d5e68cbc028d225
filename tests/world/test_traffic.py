"""Background traffic keeps blocks around the gas target, and so the base fee alive."""

from chain_stage import CONFIG, SEED

from bot.core.identity import ZERO_ADDRESS, ZERO_HASH, keccak
from bot.core.messages import Head
from bot.core.transaction import decode_signed
from bot.world.traffic import Traffic

BLOCKS = 300


def head(base_fee, used_of_target):
    target = CONFIG.gas_limit // 2
    return Head(1, ZERO_HASH, ZERO_HASH, 0, base_fee, int(target * used_of_target), 2 * target, ZERO_ADDRESS)


def test_the_same_arguments_give_the_same_bytes():
    first, second = (Traffic(SEED, 31337, CONFIG.base_fee_wei) for _ in range(2))
    parent = head(10**10, 1)
    assert first.signed_transactions(5, parent, 9) == second.signed_transactions(5, parent, 9)
    assert first.signed_transactions(5, parent, 9) != first.signed_transactions(6, parent, 9)
    for offset, transaction in enumerate(first.signed_transactions(5, parent, 9)):
        fields, *_ = decode_signed(transaction.raw)
        assert fields.nonce == transaction.nonce == 9 + offset
        assert keccak(transaction.raw) == transaction.hash
        assert fields.max_fee_per_gas > 2 * parent.base_fee
        assert fields.gas_limit < 2**24


def test_a_high_fee_quietens_and_a_low_one_wakens():
    traffic = Traffic(SEED, 31337, CONFIG.base_fee_wei)

    def gas(base_fee):
        parent = head(base_fee, 1)
        blocks = [traffic.signed_transactions(index, parent, 0) for index in range(50)]
        return sum(decode_signed(t.raw)[0].gas_limit for block in blocks for t in block) / 50

    target = CONFIG.gas_limit / 2
    assert gas(60 * 10**9) < 0.9 * target < gas(10 * 10**9) < 1.1 * target < gas(10**9)


async def test_three_hundred_blocks_of_the_market(stage):
    """First in, first out: the base fee moves and stays in [2, 50] gwei; nothing of the traffic reverts."""
    fees, met, count = [], [], 0
    for index in range(BLOCKS):
        receipts, intents = await stage.play_block(index)
        met += [receipt["status"] == "0x1" for receipt in receipts]
        block = await stage.head()
        fees.append(block.base_fee / 10**9)
        background = (await stage.receipts(block.number))[len(intents) :]
        assert {receipt["status"] for receipt in background} == {"0x1"}
        count += len(background)
    assert count > 4 * BLOCKS
    assert 2 <= min(fees) < 8
    assert 12 < max(fees) <= 50
    assert len({round(fee, 3) for fee in fees}) > 0.9 * BLOCKS
    assert 0 < met.count(False) < 0.1 * len(met)
