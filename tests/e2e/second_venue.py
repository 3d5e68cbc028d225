"""A second V2 venue where the `ethereum` profile expects Sushi's: real pair code, at the addresses Sushi's pairs have.

Sushi's own bytecode comes in no package. Its pairs' addresses follow from an init code hash that only that bytecode
has, so Uniswap's factory and pairs are put in place there, and the factory's book is written by hand.
"""

from eth_abi import encode

from bot.core.identity import hex_bytes, keccak, to_checksum
from bot.protocols.uniswap_v2 import pair_address
from bot.world.parts import protocol_artifact

_GET_PAIR_SLOT = 2
"""Of UniswapV2Factory: feeTo, feeToSetter, getPair, allPairs."""
_ETHER = 10**18


async def open_second_venue(upstream, venue, pairs):
    """A twin for each of `pairs` on `venue`, as deep as the pair and at its price."""
    factory = to_checksum(venue.factory)
    await upstream.rpc("anvil_setBalance", factory, hex(_ETHER))
    creation = protocol_artifact("uniswap-v2", "UniswapV2Factory").creation_code
    await _construct(upstream, factory, factory, creation + encode(["address"], [factory]))
    for pair in pairs:
        await _open_twin(upstream, venue, pair)


async def open_empty_venue(upstream, venue):
    """A V3 factory that answers and has created nothing, where the profile expects one that no package brings."""
    factory = to_checksum(venue.factory)
    await upstream.rpc("anvil_setBalance", factory, hex(_ETHER))
    creation = protocol_artifact("uniswap-v3", "UniswapV3Factory").creation_code
    await _construct(upstream, factory, factory, creation)


async def _open_twin(upstream, venue, pair):
    tokens = pair.token0.token.address, pair.token1.token.address
    twin, factory = pair_address(venue.factory, *tokens, venue.init_code_hash), to_checksum(venue.factory)
    await _construct(
        upstream, factory, to_checksum(twin), protocol_artifact("uniswap-v2", "UniswapV2Pair").creation_code
    )
    for one, other in (tokens, tokens[::-1]):
        inner = keccak(one.rjust(32, b"\0") + _GET_PAIR_SLOT.to_bytes(32, "big"))
        slot = hex_bytes(keccak(other.rjust(32, b"\0") + inner))
        await upstream.rpc("anvil_setStorageAt", factory, slot, hex_bytes(twin.rjust(32, b"\0")))
    await _send(upstream, factory, twin, "initialize(address,address)", *tokens)
    for token, amount in zip(tokens, (pair.reserve0, pair.reserve1), strict=True):
        await upstream.rpc("anvil_dealERC20", to_checksum(twin), to_checksum(token), hex(amount))
    await _send(upstream, factory, twin, "mint(address)", venue.factory)


async def _construct(upstream, sender, address, creation):
    """Run a constructor at `address`: its storage stays there, and what it returns becomes the code."""
    await upstream.rpc("anvil_setCode", address, hex_bytes(creation))
    runtime = await upstream.rpc("eth_call", {"from": sender, "to": address}, "latest")
    await _mined(upstream, sender, address, b"")
    await upstream.rpc("anvil_setCode", address, runtime)


async def _send(upstream, sender, to, signature, *arguments):
    types = signature[signature.index("(") + 1 : -1].split(",")
    await _mined(upstream, sender, to_checksum(to), keccak(signature.encode())[:4] + encode(types, arguments))


async def _mined(upstream, sender, to, data):
    sent = await upstream.send(sender, to, data)
    await upstream.mine()
    assert (await upstream.rpc("eth_getTransactionReceipt", sent))["status"] == "0x1", (to, data[:4])
