# pragma version 0.4.3
# pragma evm-version cancun
"""
@title   TricksterToken
@license MIT
@notice  A token with one trick, chosen at deployment; without one it is an honest ERC-20. Pools are what it was told
         are pools. Minting is free.
"""

flag Trick:
    FEE_ON_TRANSFER
    FEE_ON_PURCHASE
    FEE_ON_SALE
    FEE_BETWEEN_POOLS
    FEE_ON_TOP
    FEE_TOMORROW
    GROWS
    GROWS_WHEN_CALLED
    REFUSES_RECEIVER
    REFUSES_SENDER
    REFUSES_ORIGIN
    NO_SALES
    SMALL_SALES_ONLY
    NO_SALES_TOMORROW
    SALES_TOMORROW
    ANSWERS_FALSE
    ANSWERS_FALSE_AND_MOVES
    REVERTS
    LIES_TO_HOLDERS
    LIES_OF_ALL
    BURNS_GAS
    FEE_IF_SWITCHED
    FEE_WITH_GAS_PRICE
    FEE_WITH_COINBASE
    FEE_FROM_OTHERS
    FEE_ON_MUCH
    FEE_IN_100_BLOCKS

DAY: constant(uint256) = 86_400
FEE_BPS: constant(uint256) = 100

decimals: public(immutable(uint8))
TRICK: immutable(Trick)
BORN: immutable(uint256)
BORN_IN: immutable(uint256)

balances: HashMap[address, uint256]
allowance: public(HashMap[address, HashMap[address, uint256]])
is_pool: public(HashMap[address, bool])
is_refused: public(HashMap[address, bool])
index: uint256
deepest: public(address)
switched: public(bool)


@deploy
def __init__(_decimals: uint8, trick: uint256):
    decimals = _decimals
    TRICK = convert(trick, Trick)
    BORN = block.timestamp
    BORN_IN = block.number
    self.index = 10**18


@external
def mint(to: address, amount: uint256):
    self.balances[to] += amount


@external
def mark(pool: address):
    self.is_pool[pool] = True


@external
def mark_deepest(pool: address):
    self.deepest = pool


@external
def refuse(who: address):
    self.is_refused[who] = True


@external
def switch(on: bool):
    self.switched = on


@external
def rebase():
    if Trick.GROWS_WHEN_CALLED in TRICK:
        self.index = self.index * 101 // 100


@external
@view
def balanceOf(holder: address) -> uint256:
    held: uint256 = self.balances[holder] * self.index // 10**18
    if Trick.GROWS in TRICK:
        held += held * ((block.timestamp - BORN) // DAY) // 1_000
    if Trick.LIES_OF_ALL in TRICK or (Trick.LIES_TO_HOLDERS in TRICK and not self.is_pool[holder]):
        held += held // 50
    return held


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    self.allowance[owner][msg.sender] -= amount
    return self._move(owner, to, amount)


@external
def transfer(to: address, amount: uint256) -> bool:
    return self._move(msg.sender, to, amount)


@internal
def _move(owner: address, to: address, amount: uint256) -> bool:
    buys: bool = self.is_pool[owner] and not self.is_pool[to]
    sells: bool = self.is_pool[to] and not self.is_pool[owner]
    between: bool = self.is_pool[to] and self.is_pool[owner]
    tomorrow: bool = block.timestamp > BORN + DAY // 2
    if Trick.ANSWERS_FALSE in TRICK:
        return False
    assert Trick.REVERTS not in TRICK, "closed"
    assert not (Trick.REFUSES_RECEIVER in TRICK and self.is_refused[to]), "receiver refused"
    assert not (Trick.REFUSES_SENDER in TRICK and self.is_refused[owner]), "sender refused"
    assert not (Trick.REFUSES_ORIGIN in TRICK and self.is_refused[tx.origin]), "origin refused"
    assert not (Trick.NO_SALES in TRICK and sells), "no sales"
    assert not (Trick.SMALL_SALES_ONLY in TRICK and sells and amount > self.balances[owner] // 10), "too much"
    assert not (Trick.NO_SALES_TOMORROW in TRICK and sells and tomorrow), "closed for the day"
    assert not (Trick.SALES_TOMORROW in TRICK and sells and not tomorrow), "not open yet"
    if Trick.BURNS_GAS in TRICK:
        for place: uint256 in range(10_000):
            self.allowance[self][convert(place, address)] = amount
    fee: uint256 = 0
    if (
        (Trick.FEE_ON_TRANSFER in TRICK and not buys and not sells and not between)
        or (Trick.FEE_ON_PURCHASE in TRICK and buys)
        or (Trick.FEE_ON_SALE in TRICK and sells)
        or (Trick.FEE_BETWEEN_POOLS in TRICK and between)
        or (Trick.FEE_TOMORROW in TRICK and tomorrow)
        or (Trick.FEE_IF_SWITCHED in TRICK and self.switched)
        or (Trick.FEE_WITH_GAS_PRICE in TRICK and tx.gasprice > 0)
        or (Trick.FEE_WITH_COINBASE in TRICK and block.coinbase != empty(address))
        or (Trick.FEE_FROM_OTHERS in TRICK and self.is_pool[owner] and owner != self.deepest and amount > 0)
        or (Trick.FEE_ON_MUCH in TRICK and buys and amount > self.balances[owner] // 50)
        or (Trick.FEE_IN_100_BLOCKS in TRICK and block.number > BORN_IN + 100)
    ):
        fee = amount * FEE_BPS // 10_000
    extra: uint256 = amount // 100 if Trick.FEE_ON_TOP in TRICK and not self.is_pool[owner] else 0
    shares: uint256 = amount * 10**18 // self.index
    self.balances[owner] -= shares + extra
    self.balances[to] += shares - fee
    return Trick.ANSWERS_FALSE_AND_MOVES not in TRICK
