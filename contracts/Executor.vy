# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Executor
@license MIT
@notice Carries out flash-funded arbitrage cycles over Uniswap V2-like pairs and forwards the profit.
@dev It has no capital of its own. The last pair of a cycle sends its output, the base token, before it is
     paid; in its callback the first pair is paid `amount_in` of that, and every earlier pair sends its output
     straight to the next one, the last of them to the flash pair, which is thereby repaid. No intermediate
     token touches this contract, no allowance is ever given, no balance is kept.

     Two roles, never held by one address. The OWNER (a cold key) administers and cannot execute. OPERATORS
     (hot keys) execute and can do nothing else: whatever they ask for, what is gained goes to the block's
     builder, up to `payment`, and to the recipient the owner chose.

     Pools and tokens are not trusted. A callback is answered once, only from the pair being called in this
     very transaction, and only with the plan this contract wrote down before the call. What a lying pair or
     token does in between is judged by the one check that counts: the balance of the base token afterwards.
@custom:kill The owner calls `set_paused(True)`: `execute` reverts from the next block on, and so do callbacks.
"""

from ethereum.ercs import IERC20


interface Pair:
    def swap(amount0_out: uint256, amount1_out: uint256, to: address, data: Bytes[1]): nonpayable


interface WrappedEther:
    def withdraw(amount: uint256): nonpayable


struct Hop:
    pool: address
    zero_for_one: bool   # token0 goes in and token1 comes out
    amount_out: uint256  # exact output, in the smallest unit of the token that comes out


struct Cycle:
    amount_in: uint256           # base token paid to the first pool, in its smallest unit
    hops: DynArray[Hop, 4]       # two to four; the last one's output is base token


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


# Any byte makes a pair call back. The plan lies in transient storage, so nothing in these bytes is believed.
CALL_BACK: constant(Bytes[1]) = b"\x01"

# Enough for a builder's proxy to take note of a payment, too little for it to do harm.
COINBASE_GAS: constant(uint256) = 30_000

WETH: public(immutable(address))

owner: public(address)
pending_owner: public(address)
operators: public(HashMap[address, bool])

# Where profit goes, and, while not paused, once more: so that `execute` learns both facts from one storage slot.
recipient: public(address)
payee: address

# The flash in progress. `flash_pool` is empty save between our call of a pair and that pair's callback.
flash_pool: transient(address)
flash_base: transient(address)
flash_cycle: transient(Cycle)


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
    self.payee = recipient
    for operator: address in operators:
        self._set_operator(operator, True)


@external
@nonreentrant
def execute(
    cycles: DynArray[Cycle, 8],
    base_token: address,
    min_profit: uint256,
    payment: uint256,
    first_block: uint256,
    last_block: uint256,
):
    """
    @notice Runs the cycles in order, pays the builder, sends the rest of the gain to the recipient.
    @dev All or nothing. The gain is the change of our balance of base token: what lay here before stays here.
    @param cycles Plans whose outputs are exact; the caller has computed them, the pairs' K checks them.
    @param base_token Token in which every cycle starts, ends and gains.
    @param min_profit Least gain after the payment, in the token's smallest unit.
    @param payment Wei paid to `block.coinbase`; above zero only when the base token is WETH.
    @param first_block First block number in which this may run.
    @param last_block Last one.
    @custom:kill `set_paused(True)`, or `set_operator(operator, False)` for one operator.
    """
    assert first_block <= block.number and block.number <= last_block, "executor: block window"
    assert self.operators[msg.sender], "executor: not operator"
    payee: address = self.payee
    assert payee != empty(address), "executor: paused"

    before: uint256 = staticcall IERC20(base_token).balanceOf(self)
    self.flash_base = base_token
    for cycle: Cycle in cycles:
        self._flash(cycle)
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
    self._continue_flash(sender)


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
    self._continue_flash(sender)


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
def paused() -> bool:
    """
    @notice Whether `execute` is switched off.
    @custom:kill Needs none: it only reads.
    """
    return self.payee == empty(address)


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
    if self.payee != empty(address):
        self.payee = recipient


@external
def set_paused(paused: bool):
    """
    @notice The switch for `execute`. What the owner may do works in both positions.
    @param paused True switches off.
    @custom:kill This is the kill switch.
    """
    self._check_owner()
    self.payee = empty(address) if paused else self.recipient
    log PausedSet(paused=paused)


@external
@nonreentrant
def sweep(token: address):
    """
    @notice Sends all there is of a token, or all ether, to the recipient: the only way out but profit.
    @dev Nothing stays here by itself; this is for what others send or force in.
    @param token The token, or the zero address for ether.
    @custom:kill None needed: it goes to the recipient alone, whoever asks, and only the owner may ask.
    """
    self._check_owner()
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
    assert not self.operators[msg.sender], "executor: owner is operator"
    self.owner = msg.sender
    self.pending_owner = empty(address)
    log OwnershipTaken(owner=msg.sender)


@internal
def _flash(cycle: Cycle):
    """
    @dev Write the plan down, then call the last pool; it must call back exactly once.
    """
    count: uint256 = len(cycle.hops)
    assert count >= 2, "executor: hops"
    last: Hop = cycle.hops[count - 1]
    self.flash_cycle = cycle
    self.flash_pool = last.pool
    self._swap(last, self, CALL_BACK)
    assert self.flash_pool == empty(address), "executor: no callback"


@internal
def _continue_flash(sender: address):
    """
    @dev We hold the last hop's output. Pay the first pool; each hop's output goes straight to the next pool.
    """
    assert sender == self, "executor: not our swap"
    assert msg.sender == self.flash_pool, "executor: unexpected callback"
    self.flash_pool = empty(address)
    cycle: Cycle = self.flash_cycle
    self._send(self.flash_base, cycle.hops[0].pool, cycle.amount_in)
    for i: uint256 in range(len(cycle.hops) - 1, bound=3):
        self._swap(cycle.hops[i], cycle.hops[i + 1].pool, b"")


@internal
def _swap(hop: Hop, to: address, data: Bytes[1]):
    """
    @dev A pool without code does nothing; then the flash pool does not call back, or its K is not met. So the
         check for code is spared.
    """
    if hop.zero_for_one:
        extcall Pair(hop.pool).swap(0, hop.amount_out, to, data, skip_contract_check=True)
    else:
        extcall Pair(hop.pool).swap(hop.amount_out, 0, to, data, skip_contract_check=True)


@internal
def _pay_builder(amount: uint256):
    extcall WrappedEther(WETH).withdraw(amount)
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
    self.operators[operator] = allowed
    log OperatorSet(operator=operator, allowed=allowed)


@internal
def _set_recipient(recipient: address):
    assert recipient not in [empty(address), self], "executor: recipient"
    self.recipient = recipient
    log RecipientSet(recipient=recipient)


@internal
@view
def _check_owner():
    assert msg.sender == self.owner, "executor: not owner"
