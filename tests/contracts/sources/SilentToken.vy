# pragma version 0.4.3
# pragma evm-version cancun
"""
@title SilentToken
@license MIT
@notice A token whose transfers return nothing, as USDT's do.
"""

decimals: public(constant(uint8)) = 6
balanceOf: public(HashMap[address, uint256])


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount


@external
def transfer(receiver: address, amount: uint256):
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[receiver] += amount
