# pragma version 0.4.3
# pragma evm-version cancun
"""
@title HostileToken
@license MIT
@notice A token that runs a script of calls in every transfer, swallows their failures and counts the successes, and
        lies about what it did and what it holds.
"""


struct ScriptedCall:
    target: address
    data: Bytes[2048]


decimals: public(constant(uint8)) = 18
balances: HashMap[address, uint256]
claims: HashMap[address, uint256]
answers_false: public(bool)
script: DynArray[ScriptedCall, 4]
attempted: public(uint256)
succeeded: public(uint256)


@external
def mint(receiver: address, amount: uint256):
    self.balances[receiver] += amount


@external
def set_script(script: DynArray[ScriptedCall, 4]):
    self.script = script


@external
def set_answers_false(answers_false: bool):
    self.answers_false = answers_false


@external
def claim_more(holder: address, amount: uint256):
    """
    @notice From now on the holder's balance is said to be this much larger than it is.
    """
    self.claims[holder] = amount


@external
@view
def balanceOf(holder: address) -> uint256:
    return self.balances[holder] + self.claims[holder]


@external
def transfer(receiver: address, amount: uint256) -> bool:
    for call: ScriptedCall in self.script:
        self.attempted += 1
        if raw_call(call.target, call.data, revert_on_failure=False):
            self.succeeded += 1
    if self.answers_false:
        return False
    self.balances[msg.sender] -= amount
    self.balances[receiver] += amount
    return True
