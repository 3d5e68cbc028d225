"""The whole bot around a fork: what it reports, ape reads from the fork's own chain."""

import json
import signal

from acceptance.processes import ROOT, wait_for
from oracle.node import Node

LANDS_WITHIN_S = 60


def landed(folder):
    """Transactions of bundles, by the builder's own log."""
    log = folder / "var/local/latest/builder.jsonl"
    stories = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [tx["hash"] for story in stories for tx in story["transactions"] if tx["origin"] == "bundle"]


def test_profit_reported_is_profit_held(family, upstream, attach, weth):
    before = upstream.call("eth_getBlockByNumber", "latest", False)
    options = [
        "--rpc",
        upstream.url,
        "--profile",
        "market",
        "--pace",
        "1 s",
        "--plain",
        "--report",
        "report.json",
    ]
    bot = family.start([ROOT / "scripts/bot", "fork", *options], "bot")
    wait_for(lambda: landed(family.folder) or bot.poll() is not None, LANDS_WITHIN_S)
    assert bot.poll() is None, family.said("bot")
    [tx_hash, *_] = landed(family.folder)

    facts = json.loads((family.folder / "var/local/latest/market.json").read_text())
    node = Node(facts["endpoints"]["anvil_admin"])
    with attach(node) as provider:
        assert provider.web3.provider.endpoint_uri == node.url
        receipt = provider.get_receipt(tx_hash)
        assert receipt.receiver == facts["executor"]
        held = weth().balanceOf(facts["profit_recipient"], block_id=receipt.block_number)
        assert weth().balanceOf(facts["executor"]) == 0
    bot.send_signal(signal.SIGINT)
    bot.wait(LANDS_WITHIN_S)

    report = json.loads((family.folder / "report.json").read_text())
    first = next(bundle for bundle in report["bundles"] if bundle["verdict"] == "landed")
    assert (first["tx_hash"], first["target_block"]) == (tx_hash, receipt.block_number)
    assert int(first["predicted_profit"]) == int(first["realized_profit"]) == held > 0
    assert upstream.call("eth_getBlockByNumber", "latest", False) == before
