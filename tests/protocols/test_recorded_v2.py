"""Swaps and router answers that mainnet and Base recorded, recomputed to the unit."""

import gzip
import json
from collections import Counter
from fractions import Fraction
from itertools import pairwise

from bot.core.identity import Address, address_from_hex, from_hex
from bot.core.messages import Log
from bot.protocols.uniswap_v2 import SWAP_TOPIC, SYNC_TOPIC, amount_out_down, decode_sync, pair_address


def read_logs(path):
    with gzip.open(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    rows.sort(key=lambda row: (row["block_number"], row["log_index"]))
    return [
        Log(
            Address(from_hex(row["address"])),
            tuple(map(from_hex, row["topics"])),
            from_hex(row["data"]),
            row["log_index"],
            from_hex(row["transaction_hash"]),
        )
        for row in rows
    ]


def words(data):
    return [int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32)]


def test_swaps_of_two_mainnet_blocks(ground_truth):
    logs = read_logs(ground_truth("receipt_blocks") / "expected_logs.json.gz")
    took = Counter()
    for sync, swap in pairwise(logs):
        if swap.topics[:1] != (SWAP_TOPIC,):
            continue
        assert sync.topics == (SYNC_TOPIC,)
        assert (sync.address, sync.log_index + 1) == (swap.address, swap.log_index)
        after0, after1 = decode_sync(sync)
        in0, in1, out0, out1 = words(swap.data)
        before0, before1 = after0 - in0 + out0, after1 - in1 + out1
        assert (in0 == 0) != (in1 == 0)
        if in0:
            allowed, taken = amount_out_down(in0, before0, before1, 997, 1000), out1
        else:
            allowed, taken = amount_out_down(in1, before1, before0, 997, 1000), out0
        assert taken <= allowed
        took["exact" if taken == allowed else "less"] += 1
    assert took == {"exact": 65, "less": 4}
    ground_truth.count(took.total())


def state_of(pool):
    """({symbol: reserve}, fee numerator, fee denominator) of a recorded pool."""
    tokens = [pool["token0"]["symbol"], pool["token1"]["symbol"]]
    reserves = dict(zip(tokens, (pool["reserves_token0"], pool["reserves_token1"]), strict=True))
    return reserves, pool["fee_denom"] - pool["fee_numer"], pool["fee_denom"]


def test_answers_of_the_pancake_v2_router_on_base(ground_truth):
    folder = ground_truth("onchain_parity")
    states = folder / "fixtures/chain_data/8453/pancakeswap_v2_weth_usdbc_block_46875151.json"
    reserves, numerator, denominator = state_of(json.loads(states.read_text()))
    answers = folder / (
        "golden/data/tests/pancakeswap/test_pancakeswap_v2_onchain_parity/"
        "test_pancakeswap_v2_router_get_amounts_out.json"
    )
    entries = json.loads(answers.read_text())["entries"]
    for name, answer in entries.items():
        _, _, path, amount_in = name.split("|")
        sold, bought = path.split("->")
        quoted = amount_out_down(int(amount_in), reserves[sold], reserves[bought], numerator, denominator)
        assert quoted == answer["value"], name
    assert len(entries) > 10
    ground_truth.count(len(entries))


def test_address_of_a_recorded_pair(ground_truth):
    pool = json.loads(
        (ground_truth("onchain_parity") / "golden/data/uniswap/v2/wbtc_weth/17600000.json").read_text()
    )
    token0, token1 = (address_from_hex(token["address"]) for token in pool["tokens"])
    found = pair_address(address_from_hex(pool["factory"]), token1, token0, from_hex(pool["init_hash"]))
    assert found == address_from_hex(pool["address"])
    assert Fraction(pool["fee_token0"]) == 1 - Fraction(997, 1000)
    ground_truth.count(1)
