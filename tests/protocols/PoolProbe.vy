# pragma version 0.4.3
"""
@title What a pool does, asked many times from one state
@notice Every swap is carried out for good and then taken back with a revert that carries what came of it. The probe
        pays for nothing: its tokens say that every balance has grown.
"""

struct Swap:
    zero_for_one: bool
    amount: int256
    limit: uint160

struct PairSwap:
    zero_for_one: bool
    amount_in: uint256
    amount_out: uint256

MOST: constant(uint256) = 256
ANSWER: constant(uint256) = 160


@external
@payable
def __default__():
    """
    @notice Callbacks of mint and swap.
    """
    pass


@external
def swap_once(pool: address, swap: Swap):
    """
    @notice Reverts with (amount0, amount1, price, tick, liquidity after), or with what the pool reverted with.
    """
    done: bool = False
    answer: Bytes[128] = b""
    done, answer = raw_call(
        pool,
        abi_encode(
            self,
            swap.zero_for_one,
            swap.amount,
            swap.limit,
            b"",
            method_id=method_id("swap(address,bool,int256,uint160,bytes)"),
        ),
        max_outsize=128,
        revert_on_failure=False,
    )
    if not done:
        raw_revert(answer)
    slot0: Bytes[64] = raw_call(pool, method_id("slot0()"), max_outsize=64)
    liquidity: Bytes[32] = raw_call(pool, method_id("liquidity()"), max_outsize=32)
    raw_revert(concat(slice(answer, 0, 64), slot0, liquidity))


@external
def swap_many(pool: address, swaps: DynArray[Swap, MOST]) -> DynArray[Bytes[ANSWER], MOST]:
    answers: DynArray[Bytes[ANSWER], MOST] = []
    for swap: Swap in swaps:
        done: bool = False
        answer: Bytes[ANSWER] = b""
        done, answer = raw_call(
            self,
            abi_encode(pool, swap, method_id=method_id("swap_once(address,(bool,int256,uint160))")),
            max_outsize=ANSWER,
            revert_on_failure=False,
        )
        answers.append(answer)
    return answers


@external
def pair_once(pair: address, tokens: address[2], swap: PairSwap):
    """
    @notice Reverts with 32 bytes if the pair agrees, with what it said if not.
    """
    sold: address = tokens[0] if swap.zero_for_one else tokens[1]
    raw_call(sold, abi_encode(pair, swap.amount_in, method_id=method_id("transfer(address,uint256)")))
    done: bool = False
    answer: Bytes[ANSWER] = b""
    done, answer = raw_call(
        pair,
        abi_encode(
            0 if swap.zero_for_one else swap.amount_out,
            swap.amount_out if swap.zero_for_one else 0,
            self,
            b"",
            method_id=method_id("swap(uint256,uint256,address,bytes)"),
        ),
        max_outsize=ANSWER,
        revert_on_failure=False,
    )
    if not done:
        raw_revert(answer)
    raw_revert(abi_encode(True))


@external
def pair_many(
    pair: address, tokens: address[2], swaps: DynArray[PairSwap, MOST]
) -> DynArray[Bytes[ANSWER], MOST]:
    answers: DynArray[Bytes[ANSWER], MOST] = []
    for swap: PairSwap in swaps:
        done: bool = False
        answer: Bytes[ANSWER] = b""
        done, answer = raw_call(
            self,
            abi_encode(
                pair,
                tokens,
                swap,
                method_id=method_id("pair_once(address,address[2],(bool,uint256,uint256))"),
            ),
            max_outsize=ANSWER,
            revert_on_failure=False,
        )
        answers.append(answer)
    return answers


@external
def forward(target: address, data: Bytes[1024]):
    """
    @notice Call `target` as this contract, so that its callback comes here.
    """
    raw_call(target, data)
