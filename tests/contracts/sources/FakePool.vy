# pragma version 0.4.3
# pragma evm-version cancun
"""
@title FakePool
@license MIT
@notice Looks like a pair to its caller; its `swap` runs a script of calls instead of swapping.
"""


struct ScriptedCall:
    target: address
    data: Bytes[2048]


script: DynArray[ScriptedCall, 4]


@external
def set_script(script: DynArray[ScriptedCall, 4]):
    self.script = script


@external
def swap(amount0_out: uint256, amount1_out: uint256, to: address, data: Bytes[32]):
    for call: ScriptedCall in self.script:
        raw_call(call.target, call.data)


@external
@payable
def __default__():
    """
    @dev As the block's coinbase: takes the payment and runs the script.
    """
    for call: ScriptedCall in self.script:
        raw_call(call.target, call.data)
