# pragma version 0.4.3
# pragma evm-version cancun
"""
@title TestToken
@license MIT
@notice A plain ERC-20 of any decimals with free minting, and a fee on transfer that can be set.
"""

decimals: public(immutable(uint8))
fee_bps: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
totalSupply: public(uint256)


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256


@deploy
def __init__(decimals_: uint8):
    decimals = decimals_


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount
    self.totalSupply += amount
    log Transfer(sender=empty(address), receiver=receiver, amount=amount)


@external
def set_fee_bps(fee_bps: uint256):
    self.fee_bps = fee_bps


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(receiver: address, amount: uint256) -> bool:
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    self.allowance[sender][msg.sender] -= amount
    self._move(sender, receiver, amount)
    return True


@internal
def _move(sender: address, receiver: address, amount: uint256):
    # What the fee takes is burnt.
    received: uint256 = amount - amount * self.fee_bps // 10_000
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += received
    self.totalSupply -= amount - received
    log Transfer(sender=sender, receiver=receiver, amount=received)
