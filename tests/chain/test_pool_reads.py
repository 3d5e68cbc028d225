"""Code laid over an address for one call, one contract's logs, and the lens that the compiler made."""

import pytest

from bot.chain.lens_code import load_lens_code
from bot.chain.reader import RpcChainReader
from bot.core.identity import from_hex
from bot.core.result import Ok, Reverted
from bot.protocols.pool_lens import (
    LENS_ADDRESS,
    TickMapRequest,
    decode_reserves,
    decode_tick_maps,
    reserves_calldata,
    tick_maps_calldata,
)

NOBODY, LOGGER, SENDER = b"\x71" * 20, b"\x22" * 20, b"\x33" * 20
ANSWERS_42 = from_hex("0x602a60005260206000f3")
LOGS_42_UNDER_FF = "0x602a60005260ff60206000a100"
TOPIC = bytes(31) + b"\xff"


def text(address):
    return "0x" + address.hex()


@pytest.fixture
def reader(anvil_rpc):
    return RpcChainReader(anvil_rpc)


async def test_code_is_there_for_one_call_and_gone_after_it(reader):
    at = (await reader.head()).value.ref
    assert await reader.call_with_code(NOBODY, ANSWERS_42, b"", at) == Ok((42).to_bytes(32, "big"))
    assert await reader.call(NOBODY, b"", at) == Ok(b"")
    assert await reader.code(NOBODY, at) == Ok(b"")


async def test_logs_of_one_contract_from_block_to_block(reader, anvil):
    await anvil.rpc("anvil_setCode", [text(LOGGER), LOGS_42_UNDER_FF])
    await anvil.rpc("anvil_setBalance", [text(SENDER), hex(10**20)])
    await anvil.rpc("anvil_impersonateAccount", [text(SENDER)])
    for _ in range(3):
        await anvil.rpc("eth_sendTransaction", [{"from": text(SENDER), "to": text(LOGGER), "gas": "0x15208"}])
        await anvil.rpc("evm_mine")
    found = (await reader.logs_of(LOGGER, TOPIC, 2, 3)).value
    assert [(log.address, log.topics) for log in found] == [(LOGGER, (TOPIC,))] * 2
    assert len((await reader.logs_of(LOGGER, TOPIC, 0, 3)).value) == 3
    assert await reader.logs_of(LOGGER, bytes(32), 0, 3) == Ok(())
    assert await reader.logs_of(NOBODY, TOPIC, 0, 3) == Ok(())


async def test_the_lens_marks_what_is_no_pool_and_goes_on(reader):
    lens, at = load_lens_code(), (await reader.head()).value.ref
    answer = await reader.call_with_code(LENS_ADDRESS, lens, reserves_calldata([NOBODY, LOGGER]), at)
    assert decode_reserves(answer.value) == [None, None]
    requests = [TickMapRequest(pool, 60, -58) for pool in (NOBODY, LOGGER)]
    answer = await reader.call_with_code(LENS_ADDRESS, lens, tick_maps_calldata(requests), at)
    assert decode_tick_maps(answer.value) == [None, None]
    assert isinstance(await reader.call_with_code(LENS_ADDRESS, lens, bytes(4), at), Reverted)


def test_a_lens_that_was_not_compiled_is_none_and_a_bent_file_is_refused(tmp_path):
    assert load_lens_code(tmp_path / "PoolLens.json") is None
    (tmp_path / "PoolLens.json").write_text('{"runtime": "0x"}')
    with pytest.raises(ValueError, match="build_contracts"):
        load_lens_code(tmp_path / "PoolLens.json")
