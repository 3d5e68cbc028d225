"""The exchanges by factory, the fees of the V2-like ones from their published contracts, and a way to hold a pair to them.

UniswapV2Pair.sol keeps 3 of 1000 of an input, the first PancakePair.sol (core 0.1.0) 2 of 1000.
"""

from typing import Any

from eth_abi import encode
from eth_utils import keccak

from oracle.constant_product import Side, most_out
from oracle.facts import Fee, Pair, Reserves
from oracle.node import Node, data, quantity, text

WETH = data("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2")
FEES = {
    data("0x5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f"): Fee(997, 1000),
    data("0xbcfccbde45ce874adcb698cc183debcf17952812"): Fee(998, 1000),
}
V3_FACTORIES = (data("0x1f98431c8ad98523631ae4a59f267346ea31f984"),)

_STRANGER = keccak(text="a stranger who tries out a pair")[12:]
_WEALTH = 10**24
_GAS = 500_000
_DEPOSIT = keccak(text="deposit()")[:4]
_TRANSFER = keccak(text="transfer(address,uint256)")[:4]
_SWAP = keccak(text="swap(uint256,uint256,address,bytes)")[:4]


def gives(node: Node, pair: Pair, reserves: Reserves, amount_in: int, height: int) -> tuple[bool, bool]:
    """Whether `pair` gives, for `amount_in` wrapped ether, what its fee promises, and whether it gives one unit more.

    Asked of the pair's own code in a simulation on top of block `height`; nothing stays.
    """
    reserve_in, reserve_out = reserves if pair.token0 == WETH else reserves[::-1]
    promised = most_out(Side(reserve_in, reserve_out, pair.fee), amount_in)
    return (
        _swaps(node, pair, amount_in, promised, height),
        _swaps(node, pair, amount_in, promised + 1, height),
    )


def _swaps(node: Node, pair: Pair, amount_in: int, amount_out: int, height: int) -> bool:
    outputs = (0, amount_out) if pair.token0 == WETH else (amount_out, 0)
    swap = _SWAP + encode(["uint256", "uint256", "address", "bytes"], [*outputs, text(_STRANGER), b""])
    payment = _TRANSFER + encode(["address", "uint256"], [text(pair.address), amount_in])
    calls = [
        _call(WETH, _DEPOSIT, amount_in),
        _call(WETH, payment),
        _call(pair.address, swap),
    ]
    wealth = {text(_STRANGER): {"balance": quantity(_WEALTH)}}
    payload = {"blockStateCalls": [{"stateOverrides": wealth, "calls": calls}], "validation": False}
    [block] = node.call("eth_simulateV1", payload, quantity(height))
    statuses = [call["status"] for call in block["calls"]]
    if statuses[:2] != ["0x1", "0x1"]:
        raise ValueError(f"paying pair {text(pair.address)} failed: {block['calls'][:2]}")
    return statuses[2] == "0x1"


def _call(to: bytes, calldata: bytes, value: int = 0) -> dict[str, Any]:
    return {
        "from": text(_STRANGER),
        "to": text(to),
        "gas": quantity(_GAS),
        "value": quantity(value),
        "input": text(calldata),
    }
