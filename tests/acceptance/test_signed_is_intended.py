"""Signed bytes, read back by the oracle, against what the journal says was meant, field by field."""

import json
import subprocess

import pytest
from oracle.executor_calldata import decode_execute
from oracle.node import data
from oracle.transaction_decoder import decode_transaction

from acceptance.processes import bot

pytestmark = [pytest.mark.market, pytest.mark.slow]
EXPLAINED = 5
"""Bundles of each game asked for by `bot explain`, a process each; all are compared by their digest."""


def explain(family, game, name):
    run = subprocess.run(
        [str(part) for part in bot("explain", name, "--run", game.market.folder, "--json")],
        cwd=family.folder,
        env=family.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def address(text):
    return data(text.lower())


def test_signed_bytes_are_the_simulated_ones(games, say):
    """The oracle's own hash over chain, nonce, to, value, data, gas, fees and access list."""
    for game in games:
        for one in game.judged:
            assert one.bundle.transaction.kind == 2
            assert one.bundle.transaction.signing_hash == data(one.reported["simulated_digest"])
        say(f"seed {game.seed}: {len(game.judged)} signed hashes equal the simulated ones")


def test_signed_bytes_are_the_intent(games, family, say):
    for game in games:
        step = max(1, len(game.judged) // EXPLAINED)
        chosen = game.judged[::step]
        for one in chosen:
            compare(explain(family, game, one.reported["id"]), one, game.market.executor)
        say(f"seed {game.seed}: {len(chosen)} intents equal their signed bytes, field by field")


def compare(told, one, executor):
    [payload] = told["payloads"]
    tx, plan = decode_transaction(data(payload["raw"])), told["plan"]
    assert tx == one.bundle.transaction
    meant = plan["transaction"]
    assert tx.sender == address(plan["sender"])
    assert tx.to == address(meant["to"]) == executor
    assert tx.data == data(meant["data"])
    for name in (
        "chain_id",
        "nonce",
        "max_priority_fee_per_gas",
        "max_fee_per_gas",
        "gas_limit",
        "value",
    ):
        assert getattr(tx, name) == int(meant[name]), name
    assert [list(entry) for entry in tx.access_list] == [
        [address(account), tuple(map(data, slots))] for account, slots in meant["access_list"]
    ]
    assert data(payload["digest"]) == data(told["simulation"]["digest"]) == tx.signing_hash
    compare_call(decode_execute(tx.data), plan)


def compare_call(call, plan):
    assert call.base_token == address(plan["profit_token"])
    assert call.min_profit == int(plan["min_profit"])
    assert call.payment == int(plan["payment_wei"])
    assert (call.first_block, call.last_block) == (plan["first_block"], plan["last_block"])
    assert call.first_block <= plan["target_block"] <= call.last_block
    assert call.gain - call.payment == int(plan["predicted_profit"])
    assert len(call.cycles) == len(plan["cycles"])
    for cycle, legs in zip(call.cycles, plan["cycles"], strict=True):
        assert cycle.amount_in == int(legs[0]["amount_in"])
        assert [(hop.pool, hop.zero_for_one, hop.amount_out, hop.is_v3) for hop in cycle.hops] == [
            (
                address(leg["pool"]),
                leg["zero_for_one"],
                int(leg["amount_out"]),
                leg["protocol"] != "uniswap_v2",
            )
            for leg in legs
        ]
