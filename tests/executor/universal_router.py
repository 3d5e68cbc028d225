"""Uniswap's Universal Router, deployed over the mixed market and trading with its own funds."""

import itertools

from eth_abi.abi import encode
from executor_chain import call_data, keccak
from executor_stage import ETHER, shipped_code
from mixed_market import V2, MixedMarket, Pool

EXECUTE = "execute(bytes,bytes[])"
V3_EXACT_IN, V2_EXACT_IN = b"\x00", b"\x08"
ALREADY_PAID = 0
ITSELF = "0x" + "00" * 19 + "02"
"""In a command: the router."""
WHOLE_BALANCE = 2**255
MATURING_SWAP = ETHER
NOBODY = "0x" + "00" * 20


def deploy_router(market: MixedMarket, v2_factory: str) -> str:
    """It holds a thousand WETH, and knows one V2 factory."""
    chain = market.chain
    hashes = [
        keccak(shipped_code(*name))
        for name in (("uniswap-v2", "UniswapV2Pair"), ("uniswap-v3", "UniswapV3Pool"))
    ]
    parameters = [NOBODY, market.weth, v2_factory, market.v3_factory, *hashes, *[NOBODY] * 4]
    types = ["(address,address,address,address,bytes32,bytes32,address,address,address,address)"]
    code = shipped_code("universal-router", "UniversalRouter")
    router = chain.deploy(market.deployer, code, types, [tuple(parameters)])
    chain.send(market.deployer, market.weth, call_data("transfer(address,uint256)", router, 1000 * ETHER))
    return router


def router_data(path: list[Pool], amount_in: int) -> bytes:
    """The fewest commands for these swaps: those of one protocol are one, and each pays the next where it can.

    A V2 pair can be paid by the swap before it; a V3 pool is paid by the router, which does not know the amount
    beforehand unless it is told, and is told nothing here: its whole balance of the token goes in.
    """
    runs = [list(run) for _, run in itertools.groupby(path, key=lambda pool: pool.protocol)]
    commands, inputs = b"", []
    for place, run in enumerate(runs):
        following = runs[place + 1] if place + 1 < len(runs) else None
        pays_pair = following is not None and following[0].protocol == V2
        recipient = following[0].address if following and pays_pair else ITSELF
        paid = place > 0
        if run[0].protocol == V2:
            commands += V2_EXACT_IN
            tokens = [run[0].token_in, *(pool.token_out for pool in run)]
            arguments = [recipient, ALREADY_PAID if paid else amount_in, 0, tokens, False]
            inputs.append(encode(["address", "uint256", "uint256", "address[]", "bool"], arguments))
        else:
            commands += V3_EXACT_IN
            hops = b"".join(pool.fee.to_bytes(3, "big") + bytes.fromhex(pool.token_out[2:]) for pool in run)
            stops = bytes.fromhex(run[0].token_in[2:]) + hops
            arguments = [recipient, WHOLE_BALANCE if paid else amount_in, 0, stops, False]
            inputs.append(encode(["address", "uint256", "uint256", "bytes", "bool"], arguments))
    return call_data(EXECUTE, commands, inputs)


def mature(market: MixedMarket, router: str) -> None:
    """Swap there and back through every V3 pool, and twice let time pass in every pair: slots of old pools hold
    something, those of new ones hold zero, and the first to write there pays for it.
    """
    chain = market.chain
    for token in (market.weth, *market.tokens):
        chain.send(market.deployer, token, call_data("transfer(address,uint256)", router, 100_000 * ETHER))
    for pool in market.pools.values():
        back = Pool(pool.protocol, pool.address, pool.token_out, pool.token_in, pool.fee)
        if pool.protocol == V2:
            for _ in range(3):
                chain.rpc("evm_increaseTime", 12)
                chain.send(market.deployer, pool.address, call_data("sync()"))
            continue
        for path in ([pool], [back]):
            chain.rpc("evm_increaseTime", 12)
            chain.send(market.deployer, router, router_data(path, MATURING_SWAP))
    chain.rpc("evm_increaseTime", 12)
    chain.rpc("evm_mine")
