"""The story of a bundle, word for word: what a person reads of a loss, a win, and of what is not known."""

import json

import pytest
from story_samples import attempt, behind, hinted, landed, outbid, rival, story

from bot.core.decisions import Verdict, Window
from bot.ops.explain import explanation
from bot.ops.story import told

LOST = """\
l2ibcfat  arbitrage, found on the state of block 100, meant for block 101

Found    cycle 1: 0.100000000 ETH before costs, sized to 5.000000000 ETH in
           uniswap_v2       0x14Ef413b12D6F0d90d180ed658fF07FeFbf57140  5000000000000000000 in, 1208925819614629174706177 out
           sushiswap        0xec5BD73B9e6b119C13fF182D2E9D07ba7fD34B71  1208925819614629174706177 in, 5100000000000000000 out
Follows  0xfcd1bed3181970107f2ffb59b4625187d0894ded4e7562d87c1e907aa647265f, of 0xE8B6c999ef9b0919F9Bb2c17e097116BC49917Ef, seen at node
Planned  nonce 7 of main, gas limit 300,000 at 20 gwei, valid in blocks 101 to 102
           predicted 0.100000000 ETH after 0.030000000 ETH to the builder; reverts on chain below 0.050000000 ETH
Bid      0.030000000 ETH, 90.00 % of the net profit: fixed: 3 of 40 outcomes are known
Checked  simulated on block 100: 200,000 gas, profit 0.100000000 ETH; 2 risk checks passed
Signed   0xebc84cbd75ba5516bf45e7024a9e12bc3c5c880f73e3a5beca7ebba52b2867a7
Sent     to market for block 101 1.250 s before the block's time: accepted after 2.9 ms
Sent     to titan for block 101 0.040 s after the block's time: refused: bad signature after 31.0 ms
Again    to market for block 102 at 22:13:30.750 UTC: accepted after 2.9 ms
Ended    outbid: outbid for a reason
Built    by a builder without a name, 0x7Ac30656051904E06bc0eF5fC0AA1A3334E6d682
Rival    0x0e08a1d423ff147e661bef65ef63f5286778ef7388eeeeb70a2d4583f8d1c29b of 0xE8B6c999ef9b0919F9Bb2c17e097116BC49917Ef, index 3
           paid 0.038000000 ETH to the builder, exactly
           200,000,000,000 wei a gas against our 150,000,000,000: 50,000,000,000 wei or 25.00 % short"""
WON = """\
Ended    landed: landed for a reason
           realised 0.100000000 ETH = predicted; nobody moved its pools before it; gas 200,500 for 0.001604000 ETH
Built    by Titan (titanbuilder.xyz), 0x7Ac30656051904E06bc0eF5fC0AA1A3334E6d682
Cost                                 predicted                       paid                    error
           gas                         200,000                    200,500                     +500
           base fee              7,000,000,000              7,000,000,049                      +49
           tip                               0              1,000,000,000           +1,000,000,000
           gas cost      1,400,000,000,000,000      1,604,000,009,824,500     +204,000,009,824,500
           payment      30,000,000,000,000,000     30,000,000,000,000,000                       +0
           total        31,400,000,000,000,000     31,604,000,009,824,500     +204,000,009,824,500"""


def lost_back_run():
    tried = (
        attempt(answer="unknown: not answered yet", after_ms=0),
        attempt("titan", into_slot_ms=40, answer="refused: bad signature", after_ms=31),
        attempt(),
        attempt(block=102),
    )
    return outbid(*tried, window=Window(101, 102), behind=behind())


def lines(of):
    return list(told(of))


def test_a_lost_back_run_is_told_to_its_end():
    assert "\n".join(lines(lost_back_run())) == LOST


def test_a_win_is_told_with_every_term_of_its_costs():
    assert "\n".join(lines(landed())).endswith(WON)


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (outbid(by=rival(paid_at_most=None, payers=0)), "paid a tip of 0.000000001 ETH; what else he paid"),
        (outbid(by=rival(paid_at_most=None, tip_paid=None)), "paid a tip that was not read; what else"),
        (outbid(by=rival(payers=3)), "at most, for 3 transactions may share it"),
        (outbid(by=rival(paid_at_most=1)), "1 wei a gas against our 150,000,000,000: it was not the bid"),
        (story(Verdict.LATE, end={"late_by": 1_250_000}), "Late     by 1.2 ms"),
        (story(Verdict.LATE), "Ended    late"),
        (story(behind=hinted()), "known by its hint alone, seen at mev-share"),
        (story(bid_share=None, bid_reason=""), "Bid      0.030000000 ETH"),
        (story(), "Open     its end is not known yet"),
        (landed(end={"costs": None, "builder": None}), "Ended    landed"),
    ],
)
def test_what_is_not_known_is_said_or_left_out(of, words):
    text = "\n".join(lines(of))
    assert words in text
    assert "None" not in text


def test_json_has_the_same_to_the_wei():
    lost = explanation(lost_back_run())
    assert lost["rival"] | {"tx_hash": "", "sender": ""} == {
        "tx_hash": "",
        "sender": "",
        "index": 3,
        "pools": 2,
        "gas_used": "190000",
        "tip_paid_wei": str(10**9),
        "paid_at_most_wei": str(38 * 10**15),
        "payers": 1,
        "his_wei_per_gas": str(200 * 10**9),
        "our_wei_per_gas": str(150 * 10**9),
        "short_wei_per_gas": str(50 * 10**9),
        "short_bps": 2_500,
    }
    assert [one["into_slot_ns"] for one in lost["attempts"]] == [-1_250_000_000, 40_000_000, None]
    assert lost["costs"] is None
    assert lost["plan"]["behind"]["tx_hash"] == lost["plan"]["behind"]["hash"]
    won = explanation(landed(behind=hinted()))
    assert won["costs"]["error"]["gas"] == "500"
    assert int(won["costs"]["paid"]["total"]) - int(won["costs"]["predicted"]["total"]) == 204_000_009_824_500
    assert won["plan"]["behind"]["sender"] is None
    assert json.loads(json.dumps([lost, won])) == [lost, won]
