"""What the operator decides about building and bidding; `settings` makes it."""

import msgspec

from bot.core.identity import Address
from bot.core.route_standing import BidBy
from bot.core.units import Bps, Wei, WeiPerGas
from bot.costs.cost_model import CostModel
from bot.costs.gas_schedule import OSAKA


class ExecutionConfig(msgspec.Struct, frozen=True):
    executor: Address
    profit_recipient: Address
    """Must be what the Executor itself says: the profit is looked for there."""
    weth: Address
    """The one token a builder can be paid from, and the one whose profit can be set against gas."""
    min_net_profit: Wei
    """What is left after the payment and the worst gas cost is at least this; the Executor enforces it."""
    bid_share: Bps = Bps(5_000)
    """Of the profit net of expected gas, to the builder."""
    bid_by: BidBy = "payment"
    """The payment is the better bid: it is owed only on success. Some routes count the tip alone."""
    priority_fee: WeiPerGas = WeiPerGas(0)
    """Tip per gas from the wallet, whatever is bid."""
    gas_margin: Bps = Bps(3_000)
    """On top of the estimate by shape, for the gas limit."""
    window_blocks: int = 1
    """How many blocks a transaction may execute in, from the next one on."""
    costs: CostModel = CostModel(OSAKA)
    """Of the chain; a rollup's charges beside gas count in the plan, at the gate and in the ledger."""
    slot_seconds: int = 12
    """From one block's timestamp to the next one's; the chain profile's."""
