# pragma version 0.4.3
# pragma evm-version cancun
"""
@title   TokenProbe
@license MIT
@notice  Trades a token in simulation and says what it measured. Its code is put at our own address by a state
         override, so that the token treats it as it would treat us; it is never deployed.
@dev     Keeps nothing in storage: what lies at that address belongs to another contract. Judges nothing: a step
         that cannot be made reverts, and what was asked stands beside what was measured.
"""

from ethereum.ercs import IERC20

interface WrappedEther:
    def deposit(): payable

interface Pair:
    def getReserves() -> (uint112, uint112, uint32): view
    def swap(amount0_out: uint256, amount1_out: uint256, to: address, data: Bytes[1]): nonpayable

interface Pool:
    def swap(
        recipient: address, zero_for_one: bool, amount_specified: int256, sqrt_price_limit_x96: uint160, data: Bytes[1]
    ) -> (int256, int256): nonpayable

struct Hop:
    pool: address
    token_in: address
    token_out: address
    fee_numerator: uint256  # of the input that counts; 0 for a pool of concentrated liquidity
    fee_denominator: uint256

struct Measured:
    sent: uint256  # handed to `transfer`
    debited: uint256  # by which our balance fell
    credited: uint256  # by which the receiver's rose
    asked: uint256  # what the pool says it paid out
    received: uint256  # by which the recipient's balance of it rose

WHOLE: constant(uint256) = 10_000
MAX_HOLDERS: constant(uint256) = 16
MIN_SQRT_RATIO: constant(uint160) = 4295128739
MAX_SQRT_RATIO: constant(uint160) = 1461446703485210103287273052203988822378723970342

pool_called: transient(address)
token_owed: transient(address)
amount_owed: transient(uint256)
amount_credited: transient(uint256)


@external
@payable
def wrap(weth: address, amount: uint256):
    """
    @notice Turn `amount` wei of this address's ether into WETH.
    """
    self._only_a_transaction()
    extcall WrappedEther(weth).deposit(value=amount)


@external
def send(token: address, to: address, share: uint256) -> Measured:
    """
    @notice A plain transfer of `share` ten-thousandths of what this address holds.
    """
    self._only_a_transaction()
    amount: uint256 = self._share(token, share)
    held: uint256 = self._balance(token, self)
    there: uint256 = self._balance(token, to)
    self._transfer(token, to, amount)
    return Measured(
        sent=amount,
        debited=self._fall(token, held),
        credited=self._rise(token, to, there),
        asked=0,
        received=0,
    )


@external
def swap(hop: Hop, share: uint256, recipient: address) -> Measured:
    """
    @notice Sell `share` ten-thousandths of what this address holds of `token_in`; `recipient` gets what comes out.
    """
    self._only_a_transaction()
    amount: uint256 = self._share(hop.token_in, share)
    there: uint256 = self._balance(hop.token_out, recipient)
    held: uint256 = self._balance(hop.token_in, self)
    measured: Measured = self._swap_pair(hop, amount, recipient) if hop.fee_numerator > 0 else self._swap_pool(
        hop, amount, recipient
    )
    measured.debited = self._fall(hop.token_in, held)
    measured.received = self._rise(hop.token_out, recipient, there)
    return measured


@external
@view
def look(token: address, holders: DynArray[address, MAX_HOLDERS]) -> DynArray[uint256, MAX_HOLDERS]:
    """
    @notice What `token` says each of them holds.
    """
    balances: DynArray[uint256, MAX_HOLDERS] = []
    for holder: address in holders:
        balances.append(self._balance(token, holder))
    return balances


@external
def uniswapV3SwapCallback(delta0: int256, delta1: int256, data: Bytes[1]):
    self._pay(delta0, delta1)


@external
def pancakeV3SwapCallback(delta0: int256, delta1: int256, data: Bytes[1]):
    self._pay(delta0, delta1)


@internal
@view
def _only_a_transaction():
    """
    @dev A token that is called in a trade must not make trades in our place.
    """
    assert msg.sender == tx.origin, "only a transaction"


@internal
def _swap_pair(hop: Hop, amount: uint256, recipient: address) -> Measured:
    reserve0: uint112 = 0
    reserve1: uint112 = 0
    since: uint32 = 0
    reserve0, reserve1, since = staticcall Pair(hop.pool).getReserves()
    zero_for_one: bool = self._zero_for_one(hop)
    reserve_in: uint256 = convert(reserve0 if zero_for_one else reserve1, uint256)
    reserve_out: uint256 = convert(reserve1 if zero_for_one else reserve0, uint256)
    before: uint256 = self._balance(hop.token_in, hop.pool)
    self._transfer(hop.token_in, hop.pool, amount)
    credited: uint256 = self._rise(hop.token_in, hop.pool, before)
    counted: uint256 = credited * hop.fee_numerator
    out: uint256 = counted * reserve_out // (reserve_in * hop.fee_denominator + counted)
    extcall Pair(hop.pool).swap(0 if zero_for_one else out, out if zero_for_one else 0, recipient, b"")
    return Measured(sent=amount, debited=0, credited=credited, asked=out, received=0)


@internal
def _swap_pool(hop: Hop, amount: uint256, recipient: address) -> Measured:
    zero_for_one: bool = self._zero_for_one(hop)
    limit: uint160 = MIN_SQRT_RATIO + 1 if zero_for_one else MAX_SQRT_RATIO - 1
    self.pool_called = hop.pool
    self.token_owed = hop.token_in
    delta0: int256 = 0
    delta1: int256 = 0
    delta0, delta1 = extcall Pool(hop.pool).swap(recipient, zero_for_one, convert(amount, int256), limit, b"")
    self.pool_called = empty(address)
    out: int256 = -delta1 if zero_for_one else -delta0
    return Measured(
        sent=self.amount_owed,
        debited=0,
        credited=self.amount_credited,
        asked=convert(out, uint256),
        received=0,
    )


@internal
def _pay(delta0: int256, delta1: int256):
    """
    @dev A pool that is paid too little only says so by reverting: the two numbers are said here instead.
    """
    assert msg.sender == self.pool_called, "only the pool being called"
    owed: uint256 = convert(max(delta0, delta1), uint256)
    before: uint256 = self._balance(self.token_owed, msg.sender)
    self._transfer(self.token_owed, msg.sender, owed)
    credited: uint256 = self._rise(self.token_owed, msg.sender, before)
    if credited < owed:
        raw_revert(abi_encode(owed, credited, method_id=method_id("Short(uint256,uint256)")))
    self.amount_owed = owed
    self.amount_credited = credited


@internal
def _transfer(token: address, to: address, amount: uint256):
    """
    @dev Nothing returned is as good as true, as pools have it.
    """
    answer: Bytes[32] = raw_call(
        token, abi_encode(to, amount, method_id=method_id("transfer(address,uint256)")), max_outsize=32
    )
    if len(answer) > 0:
        assert convert(answer, uint256) == 1, "transfer answered false"


@internal
@view
def _share(token: address, share: uint256) -> uint256:
    amount: uint256 = self._balance(token, self) * share // WHOLE
    assert amount > 0, "nothing is held"
    return amount


@internal
@view
def _balance(token: address, holder: address) -> uint256:
    return staticcall IERC20(token).balanceOf(holder)


@internal
@view
def _rise(token: address, holder: address, before: uint256) -> uint256:
    now: uint256 = self._balance(token, holder)
    return now - before if now > before else 0


@internal
@view
def _fall(token: address, before: uint256) -> uint256:
    now: uint256 = self._balance(token, self)
    return before - now if before > now else 0


@internal
@pure
def _zero_for_one(hop: Hop) -> bool:
    return convert(hop.token_in, uint160) < convert(hop.token_out, uint160)
