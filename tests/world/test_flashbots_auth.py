"""The signature header, against the vector that flashbots/go-utils publishes, and at the relay's door."""

import pytest
from market_stage import Searcher, opened, requests

from bot.core.identity import hex_bytes, to_checksum
from bot.world.flashbots_auth import SignatureError, sign, verify

PUBLISHED_KEY = bytes.fromhex("fad9c8855b740a0b7ed4c221dbad0f33a83a49cad6b3fe8d5817ac83d38b6a19")
PUBLISHED_ADDRESS = "0x96216849c49358B10257cb55b28eA603c874b05E"
PUBLISHED_HEADER = (
    f"{PUBLISHED_ADDRESS}:0x1446053488f02d460c012c84c4091cd5054d98c6cfca01b65f6c1a72773e80e6"
    "0b8a4931aeee7ed18ce3adb45b2107e8c59e25556c1f871a8334e30e5bddbed21c"
)


def test_published_vector_verifies_and_is_what_we_sign():
    assert to_checksum(verify(PUBLISHED_HEADER, b"Hello")) == PUBLISHED_ADDRESS
    assert sign(PUBLISHED_KEY, b"Hello") == PUBLISHED_HEADER


def test_recovery_id_may_be_0_or_1_and_the_address_in_any_case():
    address, _, signature = PUBLISHED_HEADER.partition(":")
    low = signature[:-2] + f"{int(signature[-2:], 16) - 27:02x}"
    assert to_checksum(verify(f"{address.lower()}:{low}", b"Hello")) == PUBLISHED_ADDRESS


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (None, b"Hello"),
        ("", b"Hello"),
        (PUBLISHED_HEADER, b"Hello "),
        (PUBLISHED_HEADER.replace(":", ""), b"Hello"),
        (PUBLISHED_HEADER[:-2], b"Hello"),
        (PUBLISHED_HEADER[:-4] + "zz1c", b"Hello"),
        (PUBLISHED_HEADER[:-2] + "99", b"Hello"),
        ("0x" + "11" * 20 + PUBLISHED_HEADER[42:], b"Hello"),
        (PUBLISHED_ADDRESS + ":0x" + "00" * 65, b"Hello"),
    ],
)
def test_anything_else_is_refused(header, body):
    with pytest.raises(SignatureError):
        verify(header, body)


async def test_relay_turns_away_without_a_good_signature(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache) as market:
        searcher = await Searcher(market, "searcher").fund()
        raw, _ = searcher.signed(searcher.address)
        bundle = [{"txs": [hex_bytes(raw)], "blockNumber": hex(market.engine.head.number + 1)}]
        for header in ("", PUBLISHED_HEADER, "nonsense"):
            reply = await searcher.ask("eth_sendBundle", bundle, header=header, status=403)
            assert reply["error"]["message"]
            assert "result" not in reply
        assert len(market.relay.book) == 0
        assert [record["signer"] for record in requests(market)] == [None] * 3
        assert (await searcher.ask("eth_sendBundle", bundle))["result"]["bundleHash"]
        assert len(market.relay.book) == 1
