"""`bot fork`: bundles land on the fork, the books agree, and the chain it was taken from has not moved."""

import asyncio
import json
import signal

import pytest
from acceptance.processes import wait_for
from oracle.chain_reader import ChainReader
from oracle.node import Node, data

from e2e.conftest import ENDS_WITHIN_S, GAPS

pytestmark = [pytest.mark.market, pytest.mark.slow]
INTERRUPTED = 130
PACE = ("--pace", "1 s", "--plain")


@pytest.fixture
def gapped(request):
    """An upstream by its profile's name, with gaps for the taking."""

    async def open_gaps(profile):
        upstream = request.getfixturevalue(f"{profile}_upstream")
        for pair in upstream.weth_pairs[:GAPS]:
            await upstream.open_gap(pair)
        return upstream

    return open_gaps


def run_folder(household):
    return household.folder / "var/local/latest"


def landed_bundles(household):
    """By the builder's own log."""
    log = run_folder(household) / "builder.jsonl"
    stories = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [tx for story in stories for tx in story["transactions"] if tx["origin"] == "bundle"]


def assert_books_agree(report):
    landed = [bundle for bundle in report["bundles"] if bundle["verdict"] == "landed"]
    assert landed
    assert len(landed) == report["landed"] == report["sent"]
    for bundle in landed:
        assert bundle["predicted_profit"] == bundle["realized_profit"]
        assert bundle["predicted_gas"] == bundle["gas_used"]
        assert bundle["predicted_state_held"] is True
    assert report["mined_reverted"] == report["public_sends"] == 0


@pytest.mark.parametrize(("profile", "chain_id"), [("market", 31337), ("ethereum", 1)])
async def test_bundles_land_on_the_fork_and_the_upstream_stays(
    profile, chain_id, market_upstream, ethereum_upstream, gapped, household, bot_verb, ended
):
    upstream = await gapped(profile)
    before = await upstream.facts()
    options = ("--rpc", upstream.url, "--profile", profile, "--blocks", "4", *PACE)
    code = await ended(bot_verb("fork", *options, "--report", "report.json"), "fork")
    assert code == 0, household.said("fork")
    assert household.left_behind() == {}
    report = json.loads((household.folder / "report.json").read_text())
    assert (report["chain"], report["chain_id"], report["seed"]) == ("fork", chain_id, None)
    assert_books_agree(report)
    assert len(landed_bundles(household)) == report["landed"]
    assert await upstream.facts() == before


async def test_what_the_report_says_is_on_the_fork(
    gapped, trading, household, bot_verb, ended, market_upstream
):
    """The upstream trades on meanwhile, and Ctrl-C ends it; until then the fork's own node is there to be asked."""
    upstream = await gapped("market")
    child = bot_verb("fork", "--rpc", upstream.url, "--profile", "market", *PACE, "--report", "report.json")
    async with trading(upstream):
        await asyncio.to_thread(
            wait_for, lambda: landed_bundles(household) or child.poll() is not None, ENDS_WITHIN_S
        )
    assert child.poll() is None, household.said("fork")
    assert landed_bundles(household), household.said("fork")
    facts = json.loads((run_folder(household) / "market.json").read_text())
    reader = ChainReader(Node(facts["endpoints"]["anvil_admin"]))
    height = await asyncio.to_thread(reader.head)
    held = await asyncio.to_thread(recipient_balance, reader, facts, height)
    child.send_signal(signal.SIGINT)
    assert await ended(child, "fork") == INTERRUPTED, household.said("fork")
    assert household.left_behind() == {}
    report = json.loads((household.folder / "report.json").read_text())
    assert_books_agree(report)
    landed = [b for b in report["bundles"] if b["verdict"] == "landed" and b["target_block"] <= height]
    assert sum(int(bundle["realized_profit"]) for bundle in landed) == held > 0


def recipient_balance(reader, facts, height):
    weth = data("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2")
    return reader.token_balance(weth, data(facts["profit_recipient"].lower()), height)
