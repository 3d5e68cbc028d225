"""Published transactions of OP-stack chains, as op-geth and revm take them for their own tests.

ethereum-optimism/op-geth, core/types/rollup_cost_test.go, and `emptyTx` of its transaction_test.go; bluealloy/revm,
crates/op-revm/src/l1block.rs, which names the hashes on OP mainnet. A number in braces is so many zeros of hex.
"""

import re

from bot.core.rlp_codec import encode_bytes, encode_integer, encode_list


def _bytes(text):
    return bytes.fromhex(re.sub(r"\{(\d+)\}", lambda zeros: "0" * int(zeros[1]), text))


NOTHING = encode_integer(0)
EMPTY = encode_list(
    [
        *(NOTHING,) * 3,
        encode_bytes(bytes.fromhex("095e7baea6a6c7c4c2dfeb977efac326af552d87")),
        NOTHING,
        encode_bytes(b""),
        *(NOTHING,) * 3,
    ]
)
"""Legacy: nonce, gas price, gas, value 0, no data, and an empty signature."""

CONTRACT_CALL = _bytes(
    "02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb87"
    "0151bd62fd12adb8e41ef24f3f{62}6e{24}af88d065e77c8cc2239327c5edb3a432268e5831{59}3c1e5{126}a{63}"
    "148c89ed219d02f1a5be012c689b4f5b731827bebe{24}c001a033fd89cb37c31b2cba46b6466e040c61fc"
    "9b2a3675a7f5f493ebd5ad77c497f8a07cdf65680e238392693019b4092f610222e71b7cec06449cb922b93b6a12744e"
)
CONTRACT_CALL_HASH = "8eb9dd4eb6d33f4dc25fb015919e4b1e9f7542f9b0322bf6622e268cd116b594"

TRANSFER = _bytes(
    "02f8b30a832253fc8402d11f39842c8a46398301388094dc6ff44d5d932cbd77b52e5612ba0529dc"
    "6226f180b844a9059cbb{24}d43e02db81f4d46cdf8521f623d21ea0ec7562a5{48}"
    "8ac7230489e80000c001a02947e24750723b48f886931562c55d9e07f856d8e06468e719755e18bb"
    "c3a570a0784da9ce59fd7754ea5be6e17a86b348e441348cd48ace59d174772465eadbd1"
)
TRANSFER_HASH = "a75ef696bf67439b4d5b61da85de9f3ceaa2e145abe982212101b244b63749c2"
"""The second transaction of block 118024092, under Ecotone."""

SAFE_CALL = _bytes(
    "02f904940a8303fba78401d6d2798401db2b6d830493e0943e6f4f7866654c18f536170780344aa8"
    "772950b680b904246a761202{25}87000a300de7200382b55d40045000000e5d60e{125}14{64}1{381}3a{62}"
    "22482ad56cb{62}2{64}2{62}4{62}12{25}dc6ff44d5d932cbd77b52e5612ba0529dc6226f1{126}6{63}44095ea7b3"
    "{24}21c4928109acb0659a88ae5329b5374a3024694c{47}49b9ca9a69434{84}"
    "21c4928109acb0659a88ae5329b5374a3024694c{126}6{63}24b6b55f25{47}49b9ca9a69434{178}"
    "415ec214a3950bea839a7e6fbb0ba1540ac2076acd50820e2d5ef83d0902cdffb24a47aff7de5190"
    "290769c4f0a9c6fabf63012986a0d590b1b571547a8c7050ea1b{62}c080a06db770e6e25a617fe9652f0958bd9bd6e4"
    "9281a53036906386ed39ec48eadf63a07f47cf51a4a40b4494cf26efc686709a9b03939e20ee27e59682f5faa536667e"
)
SAFE_CALL_HASH = "1059e8004daff32caa1f1b1ef97fe3a07a8cf40508f5b835b66d9420d87c4a4a"
"""The second transaction of block 124665056, under Fjord."""
