# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Executor
@license MIT
@notice Carries out flash-funded arbitrage cycles over Uniswap V2-like and V3-like pools and forwards the profit.
@dev It has no capital of its own. The last pool of a cycle sends its output, the base token, before it is paid. In
     its callback the hops before it are carried out: V2 pairs swap one after the other; a V3 pool sends its output
     first, and what lies before it is done in its own callback, in the same way; the first pool of all is paid
     `amount_in` of the base token. Each hop's output goes straight to the next pool. No intermediate token touches
     this contract, no allowance is ever given, no balance is kept.

     Two roles, never held by one address. The OWNER (a cold key) administers and cannot execute. OPERATORS
     (hot keys) execute and can do nothing else: whatever they ask for, what is gained goes to the block's
     builder, up to `payment`, and to the recipient the owner chose.

     Pools and tokens are not trusted. A callback is answered once, only from the pool being called at this very
     moment and by its own protocol's name, and only with the hops this contract wrote down before. What a lying
     pool or token does in between is judged by the one check that counts: the balance of the base token afterwards.
@custom:kill The owner calls `set_paused(True)`: `execute` reverts from the next block on, and so do callbacks.
"""

from ethereum.ercs import IERC20


interface Pair:
    def swap(amount0_out: uint256, amount1_out: uint256, to: address, data: Bytes[1]): nonpayable


interface ConcentratedPool:
    def swap(to: address, zero_for_one: bool, amount: int256, price_limit: uint160, data: Bytes[1]): nonpayable


interface WrappedEther:
    def withdraw(amount: uint256): nonpayable


struct Hop:
    pool: uint256     # its address, and the three flags below
    amounts: uint256  # exact output in the low 128 bits; above it, in a cycle's first hop, the base token paid to it


event OperatorSet:
    operator: indexed(address)
    allowed: bool


event RecipientSet:
    recipient: indexed(address)


event PausedSet:
    paused: bool


event Swept:
    token: indexed(address)  # the zero address means ether
    amount: uint256


event OwnershipOffered:
    owner: indexed(address)
    pending_owner: indexed(address)


event OwnershipTaken:
    owner: indexed(address)


# `Hop.pool`: its low 160 bits are the address.
POOL: constant(uint256) = 2**160 - 1
ZERO_FOR_ONE: constant(uint256) = 2**160  # token0 goes in and token1 comes out
CONCENTRATED: constant(uint256) = 2**161  # a V3 pool; else a V2 pair
LAST: constant(uint256) = 2**162          # the last hop of its cycle
# Above them, while a cycle runs: the first of the pairs that follow one another up to this hop, and its own place.
RUN_SHIFT: constant(uint256) = 168
PLACE_SHIFT: constant(uint256) = 170

# `Hop.amounts`
AMOUNT_OUT: constant(uint256) = 2**128 - 1
AMOUNT_IN_SHIFT: constant(uint256) = 128

# Two to four hops make a cycle.
MAX_HOPS: constant(uint256) = 4
MAX_CYCLES: constant(uint256) = 8

# Limits of a V3 swap: the last prices there are, so that the amount decides. Where liquidity ends before, less comes
# out, and what should have been paid with it refuses.
LEAST_PRICE: constant(uint160) = 4295128740
GREATEST_PRICE: constant(uint160) = 1461446703485210103287273052203988822378723970341

# Any byte makes a pair call back.
CALL_BACK: constant(Bytes[1]) = b"\x01"

# Enough for a builder's proxy to take note of a payment, too little for it to do harm.
COINBASE_GAS: constant(uint256) = 30_000

MAX_OPERATORS: constant(uint256) = 16

WETH: public(immutable(address))

owner: public(address)
pending_owner: public(address)

# Where profit goes. Kept once more for each operator, while not paused: so that `execute` learns from one storage
# slot whether the caller may, and who is to be paid. Empty for everybody else.
recipient: public(address)
payees: HashMap[address, address]
operator_list: DynArray[address, MAX_OPERATORS]
paused: public(bool)

# The base token of the `execute` in progress. It is the lock, too, and stays shut: one `execute` a transaction.
base_token: transient(address)

# The hops of the cycle in progress but for the last one, which is called first.
pools: transient(uint256[MAX_HOPS - 1])
amounts: transient(uint256[MAX_HOPS - 1])

# The hop whose pool is being called: empty save between our call of a pool and its callback.
awaited: transient(uint256)


@deploy
def __init__(owner: address, recipient: address, weth: address, operators: DynArray[address, 8]):
    """
    @param owner Administers. Not an operator, not zero.
    @param recipient Receives every profit. Not zero, not this contract.
    @param weth Wrapped ether: the only base token a builder can be paid from.
    @param operators May execute from the start.
    """
    assert owner != empty(address), "executor: zero owner"
    assert weth.is_contract, "executor: weth has no code"
    WETH = weth
    self.owner = owner
    log OwnershipTaken(owner=owner)
    self._set_recipient(recipient)
    for operator: address in operators:
        self._set_operator(operator, True)


@external
def execute(
    hops: DynArray[Hop, MAX_CYCLES * MAX_HOPS],
    base_token: address,
    min_profit: uint256,
    payment: uint256,
    first_block: uint256,
    last_block: uint256,
):
    """
    @notice Runs the cycles in order, pays the builder, sends the rest of the gain to the recipient.
    @dev All or nothing. The gain is the change of our balance of base token: what lay here before stays here.
    @param hops Those of all cycles in order. Their outputs are exact: computed by the caller, checked by the pools.
    @param base_token Token in which every cycle starts, ends and gains.
    @param min_profit Least gain after the payment, in the token's smallest unit.
    @param payment Wei paid to `block.coinbase`; above zero only when the base token is WETH.
    @param first_block First block number in which this may run.
    @param last_block Last one.
    @custom:kill `set_paused(True)`, or `set_operator(operator, False)` for one operator.
    """
    assert first_block <= block.number and block.number <= last_block, "executor: block window"
    payee: address = self.payees[msg.sender]
    if payee == empty(address):
        assert not self.paused, "executor: paused"
        raise "executor: not operator"
    assert self.base_token == empty(address), "executor: locked"
    assert len(hops) != 0, "executor: no cycles"
    self.base_token = base_token

    before: uint256 = staticcall IERC20(base_token).balanceOf(self)
    place: uint256 = 0
    run: uint256 = 0
    for hop: Hop in hops:
        pool: uint256 = hop.pool & (POOL | ZERO_FOR_ONE | CONCENTRATED) | place << PLACE_SHIFT | run << RUN_SHIFT
        if hop.pool & LAST == 0:
            self.pools[place] = pool
            self.amounts[place] = hop.amounts
            place += 1
            if pool & CONCENTRATED != 0:
                run = place
        else:
            assert place > 0, "executor: hops"
            self._flash(pool, hop.amounts & AMOUNT_OUT, self)
            place = 0
            run = 0
    assert place == 0, "executor: hops"
    after: uint256 = staticcall IERC20(base_token).balanceOf(self)
    assert after >= before + payment + min_profit, "executor: min profit"

    if payment > 0:
        assert base_token == WETH, "executor: payment needs weth"
        self._pay_builder(payment)
    self._send(base_token, payee, after - before - payment)


@external
def uniswapV2Call(sender: address, amount0: uint256, amount1: uint256, data: Bytes[1]):
    """
    @notice Callback of Uniswap V2 pairs and most of their forks.
    @param sender Who called the pair: must be this contract.
    @param amount0 Ignored, as is all else a pair says.
    @param amount1 Ignored.
    @param data Ignored.
    @custom:kill Closed by itself: reverts save inside `execute`.
    """
    assert sender == self, "executor: not our swap"
    self._bring_input(0)


@external
def pancakeCall(sender: address, amount0: uint256, amount1: uint256, data: Bytes[1]):
    """
    @notice Callback of PancakeSwap V1/V2 pairs; otherwise as `uniswapV2Call`.
    @param sender Who called the pair: must be this contract.
    @param amount0 Ignored.
    @param amount1 Ignored.
    @param data Ignored.
    @custom:kill Closed by itself: reverts save inside `execute`.
    """
    assert sender == self, "executor: not our swap"
    self._bring_input(0)


@external
def uniswapV3SwapCallback(amount0: int256, amount1: int256, data: Bytes[1]):
    """
    @notice Callback of Uniswap V3 pools and most of their forks.
    @param amount0 Ignored: what is owed was computed beforehand, and the pool checks it.
    @param amount1 Ignored.
    @param data Ignored.
    @custom:kill Closed by itself: reverts save inside `execute`.
    """
    self._bring_input(CONCENTRATED)


@external
def pancakeV3SwapCallback(amount0: int256, amount1: int256, data: Bytes[1]):
    """
    @notice Callback of PancakeSwap V3 pools; otherwise as `uniswapV3SwapCallback`.
    @param amount0 Ignored.
    @param amount1 Ignored.
    @param data Ignored.
    @custom:kill Closed by itself: reverts save inside `execute`.
    """
    self._bring_input(CONCENTRATED)


@external
@payable
def __default__():
    """
    @notice Takes ether from WETH's `withdraw` alone; every unknown selector ends here too, and reverts.
    @custom:kill Needs none: it changes nothing.
    """
    assert msg.sender == WETH, "executor: only weth pays"


@external
@view
def operators(operator: address) -> bool:
    """
    @notice Whether an address may execute while this is not paused.
    @param operator Any address.
    @custom:kill Needs none: it only reads.
    """
    return operator in self.operator_list


@external
def set_operator(operator: address, allowed: bool):
    """
    @notice Lets an address execute, or no longer.
    @param operator Not zero, not the owner.
    @param allowed False revokes from the next transaction on.
    @custom:kill It is a switch itself; the owner's alone.
    """
    self._check_owner()
    self._set_operator(operator, allowed)


@external
def set_recipient(recipient: address):
    """
    @notice Changes where profit and swept balances go.
    @param recipient Not zero, not this contract.
    @custom:kill None: the owner's alone. Set it back to undo it.
    """
    self._check_owner()
    self._set_recipient(recipient)
    self._set_payees()


@external
def set_paused(paused: bool):
    """
    @notice The switch for `execute`. What the owner may do works in both positions.
    @param paused True switches off.
    @custom:kill This is the kill switch.
    """
    self._check_owner()
    self.paused = paused
    self._set_payees()
    log PausedSet(paused=paused)


@external
def sweep(token: address):
    """
    @notice Sends all there is of a token, or all ether, to the recipient: the only way out but profit.
    @dev Nothing stays here by itself; this is for what others send or force in.
    @param token The token, or the zero address for ether.
    @custom:kill None needed: it goes to the recipient alone, whoever asks, and only the owner may ask.
    """
    self._check_owner()
    assert self.base_token == empty(address), "executor: locked"
    amount: uint256 = self.balance
    if token == empty(address):
        raw_call(self.recipient, b"", value=amount)
    else:
        amount = staticcall IERC20(token).balanceOf(self)
        self._send(token, self.recipient, amount)
    log Swept(token=token, amount=amount)


@external
def offer_ownership(pending_owner: address):
    """
    @notice First step of a change of owner: nothing changes until the other side accepts.
    @param pending_owner May accept; zero withdraws the offer.
    @custom:kill Offer to the zero address.
    """
    self._check_owner()
    self.pending_owner = pending_owner
    log OwnershipOffered(owner=self.owner, pending_owner=pending_owner)


@external
def accept_ownership():
    """
    @notice Second step: the address that was offered ownership takes it. An operator cannot.
    @custom:kill The owner withdraws the offer by `offer_ownership(empty)`.
    """
    assert msg.sender == self.pending_owner, "executor: not pending owner"
    assert msg.sender not in self.operator_list, "executor: owner is operator"
    self.owner = msg.sender
    self.pending_owner = empty(address)
    log OwnershipTaken(owner=msg.sender)


@internal
def _flash(hop: uint256, amount_out: uint256, to: address):
    """
    @dev Have a pool send its output before it is paid. It must call back exactly once. A pool without code does not:
         the check for code is spared.
    """
    self.awaited = hop
    pool: address = convert(hop & POOL, address)
    if hop & CONCENTRATED == 0:
        if hop & ZERO_FOR_ONE != 0:
            extcall Pair(pool).swap(0, amount_out, to, CALL_BACK, skip_contract_check=True)
        else:
            extcall Pair(pool).swap(amount_out, 0, to, CALL_BACK, skip_contract_check=True)
    else:
        amount: int256 = -convert(amount_out, int256)
        if hop & ZERO_FOR_ONE != 0:
            extcall ConcentratedPool(pool).swap(to, True, amount, LEAST_PRICE, b"", skip_contract_check=True)
        else:
            extcall ConcentratedPool(pool).swap(to, False, amount, GREATEST_PRICE, b"", skip_contract_check=True)
    assert self.awaited == 0, "executor: no callback"


@internal
def _bring_input(protocol: uint256):
    """
    @dev In the callback of a pool that has sent its output: have the hops before it bring its input. The pairs just
         before it swap in order; what the first of them needs comes from the V3 pool before it, or is base token,
         which the cycle's last pool has sent us. A pool without code sends nothing, and the next one refuses.
    """
    awaited: uint256 = self.awaited
    caller: uint256 = convert(msg.sender, uint256) | protocol
    assert awaited != 0 and awaited & (POOL | CONCENTRATED) == caller, "executor: unexpected callback"
    self.awaited = 0
    end: uint256 = awaited >> PLACE_SHIFT
    at: uint256 = (awaited >> RUN_SHIFT) & 3
    if at == end and at != 0:
        self._flash(self.pools[at - 1], self.amounts[at - 1] & AMOUNT_OUT, msg.sender)
        return

    pool: address = msg.sender
    hop: uint256 = 0
    if at != end:
        hop = self.pools[at]
        pool = convert(hop & POOL, address)
    amounts: uint256 = self.amounts[at]
    if at == 0:
        self._send(self.base_token, pool, amounts >> AMOUNT_IN_SHIFT)
    else:
        self._flash(self.pools[at - 1], self.amounts[at - 1] & AMOUNT_OUT, pool)
    for _: uint256 in range(3):
        if at == end:
            break
        at += 1
        following: uint256 = awaited
        if at != end:
            following = self.pools[at]
        to: address = convert(following & POOL, address)
        if hop & ZERO_FOR_ONE != 0:
            extcall Pair(pool).swap(0, amounts & AMOUNT_OUT, to, b"", skip_contract_check=True)
        else:
            extcall Pair(pool).swap(amounts & AMOUNT_OUT, 0, to, b"", skip_contract_check=True)
        if at != end:
            hop = following
            pool = to
            amounts = self.amounts[at]


@internal
def _pay_builder(amount: uint256):
    extcall WrappedEther(WETH).withdraw(amount, skip_contract_check=True)
    paid: bool = raw_call(block.coinbase, b"", value=amount, gas=COINBASE_GAS, revert_on_failure=False)
    assert paid, "executor: builder refused"


@internal
def _send(token: address, to: address, amount: uint256):
    """
    @dev Tokens that return nothing (USDT) count as having returned true; an address without code does not.
    """
    assert extcall IERC20(token).transfer(to, amount, default_return_value=True), "executor: transfer"


@internal
def _set_operator(operator: address, allowed: bool):
    assert operator != empty(address), "executor: zero operator"
    assert operator != self.owner, "executor: owner is operator"
    others: DynArray[address, MAX_OPERATORS] = []
    for one: address in self.operator_list:
        if one != operator:
            others.append(one)
    self.payees[operator] = empty(address)
    if allowed:
        assert len(others) < MAX_OPERATORS, "executor: too many operators"
        others.append(operator)
    self.operator_list = others
    self._set_payees()
    log OperatorSet(operator=operator, allowed=allowed)


@internal
def _set_payees():
    payee: address = empty(address) if self.paused else self.recipient
    for operator: address in self.operator_list:
        self.payees[operator] = payee


@internal
def _set_recipient(recipient: address):
    assert recipient not in [empty(address), self], "executor: recipient"
    self.recipient = recipient
    log RecipientSet(recipient=recipient)


@internal
@view
def _check_owner():
    assert msg.sender == self.owner, "executor: not owner"
