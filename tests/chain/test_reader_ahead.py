"""Nonce and balance read ahead: asked for once, given out for the block they were read at, and for no other."""

import asyncio

import pytest
from listed_chain import OPERATOR, block_at

from bot.chain.reader_ahead import ReaderAhead
from bot.core.result import Ok, Unknown

HEAD, NEXT = block_at(101).head, block_at(102).head


class SlowNode:
    """core.ports.JsonRpc: answers when told, and keeps what it was asked."""

    def __init__(self):
        self.asked = []
        self.may_answer = asyncio.Event()
        self.answer = Ok("0x7")
        self.receipt = Ok(None)

    async def request(self, method, params):
        self.asked.append((method, params[1]["blockHash"] if len(params) > 1 else params[0]))
        await self.may_answer.wait()
        return self.receipt if method == "eth_getTransactionReceipt" else self.answer


def at(head):
    return "0x" + head.hash.hex()


async def test_what_was_read_ahead_is_not_asked_again():
    node = SlowNode()
    reader = ReaderAhead(node, [OPERATOR])
    reader.expect(HEAD)
    reader.expect(HEAD)
    await asyncio.sleep(0)
    wanted = [("eth_getTransactionCount", at(HEAD)), ("eth_getBalance", at(HEAD))]
    assert node.asked == wanted, "asked before anybody wanted it"
    node.may_answer.set()
    assert await reader.transaction_count(OPERATOR, HEAD.ref) == Ok(7)
    assert await reader.balance(OPERATOR, HEAD.ref) == Ok(7)
    assert node.asked == wanted
    await reader.balance(OPERATOR, HEAD.ref)
    assert len(node.asked) == 3, "given out once: what is asked for later is read later"


async def test_another_block_or_wallet_is_read_anew():
    node = SlowNode()
    reader = ReaderAhead(node, [OPERATOR])
    node.may_answer.set()
    reader.expect(HEAD)
    await asyncio.sleep(0)
    node.answer = Ok("0x9")
    assert await reader.transaction_count(OPERATOR, NEXT.ref) == Ok(9)
    assert await reader.transaction_count(bytes(20), HEAD.ref) == Ok(9)
    assert await reader.transaction_count(OPERATOR, HEAD.ref) == Ok(7)


async def test_a_newer_head_gives_up_what_was_read_for_the_older():
    node = SlowNode()
    reader = ReaderAhead(node, [OPERATOR])
    reader.expect(HEAD)
    reader.expect(NEXT)
    await asyncio.sleep(0)
    assert [block for _, block in node.asked] == [at(NEXT)] * 2
    node.answer = Ok("0xb")
    node.may_answer.set()
    assert await reader.transaction_count(OPERATOR, NEXT.ref) == Ok(11)
    assert await reader.transaction_count(OPERATOR, HEAD.ref) == Ok(11), (
        "asked now, at the block that was named"
    )
    assert node.asked[-1] == ("eth_getTransactionCount", at(HEAD))


@pytest.mark.parametrize("read", ["transaction_count", "balance"])
async def test_what_the_node_did_not_know_yet_is_asked_once_more(read):
    """The head may be heard from one node before another has its block."""
    node = SlowNode()
    node.answer = Unknown("header not found")
    node.may_answer.set()
    reader = ReaderAhead(node, [OPERATOR])
    reader.expect(HEAD)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    node.answer = Ok("0x7")
    assert await getattr(reader, read)(OPERATOR, HEAD.ref) == Ok(7)
    node.answer = Unknown("time-out")
    assert isinstance(await getattr(reader, read)(OPERATOR, HEAD.ref), Unknown)


TX = bytes([7]) * 32
ASKED_FOR_IT = ("eth_getTransactionReceipt", "0x" + TX.hex())


def mined_in(head):
    return Ok(
        {
            "transactionHash": "0x" + TX.hex(),
            "transactionIndex": "0x0",
            "blockHash": at(head),
            "blockNumber": hex(head.number),
            "from": "0x" + OPERATOR.hex(),
            "to": "0x" + OPERATOR.hex(),
            "status": "0x1",
            "gasUsed": "0x5208",
            "effectiveGasPrice": "0x1",
            "logs": [],
        }
    )


async def test_a_receipt_of_the_block_was_read_ahead():
    node = SlowNode()
    node.receipt = mined_in(HEAD)
    node.may_answer.set()
    reader = ReaderAhead(node, [])
    reader.awaited = lambda: [TX]
    reader.expect(HEAD)
    await asyncio.sleep(0)
    assert node.asked == [ASKED_FOR_IT]
    assert (await reader.receipt(TX)).value.block == HEAD.ref
    assert node.asked == [ASKED_FOR_IT]
    await reader.receipt(TX)
    assert node.asked == [ASKED_FOR_IT] * 2


@pytest.mark.parametrize("early", [Ok(None), Unknown("time-out"), mined_in(NEXT)])
async def test_a_receipt_that_was_not_there_yet_is_asked_for_again(early):
    node = SlowNode()
    node.receipt = early
    node.may_answer.set()
    reader = ReaderAhead(node, [])
    reader.awaited = lambda: [TX]
    reader.expect(HEAD)
    await asyncio.sleep(0)
    node.receipt = mined_in(HEAD)
    assert (await reader.receipt(TX)).value.block == HEAD.ref
    assert node.asked == [ASKED_FOR_IT] * 2
