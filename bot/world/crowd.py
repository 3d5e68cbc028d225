"""The public of the market: traders, liquidity providers and background traffic, sending block by block.

What they send goes to the public mempool, but for the swaps whose senders hide them.
"""

from __future__ import annotations

from bot.core.identity import Address
from bot.core.messages import Head
from bot.core.units import WeiPerGas
from bot.world.anvil import Anvil
from bot.world.arrivals import Arrivals
from bot.world.market_plan import MarketPlan
from bot.world.mempool import Mempool
from bot.world.private_flow import PrivateFlow
from bot.world.providers import Providers
from bot.world.raw_transaction import decode_raw
from bot.world.traders import Traders
from bot.world.traffic import Traffic
from bot.world.transaction_checks import Account, read_accounts


class Crowd:
    """`first_block` is the number of the first block the crowd sends for; its people count from there.

    `private` holds what was hidden and is in no block yet; `arrivals` hears when everybody has sent.
    """

    def __init__(
        self,
        anvil: Anvil,
        plan: MarketPlan,
        chain_id: int,
        usual_base_fee: WeiPerGas,
        first_block: int,
        *,
        traders: Traders | None = None,
        flow: PrivateFlow | None = None,
        private: Mempool | None = None,
        arrivals: Arrivals | None = None,
    ) -> None:
        self._anvil = anvil
        self._first_block = first_block
        self._traders = traders or Traders(plan, chain_id)
        self._providers = Providers(plan, chain_id)
        self._traffic = Traffic(plan.seed, chain_id, usual_base_fee)
        self._flow = flow
        self._private = private
        self._arrivals = arrivals

    async def submit(self, parent: Head, base_fee: WeiPerGas, mempool: Mempool) -> int:
        """Send what everybody wants in the block after `parent`; how many transactions that was.

        Nonces continue behind what is still pending. Raises AnvilError; RpcError would be a defect of the market.
        """
        index = parent.number + 1 - self._first_block
        if self._flow is not None:
            self._flow.open_block()
        people = [account.address for account in (*self._traders.accounts, *self._providers.accounts)]
        accounts = await read_accounts(self._anvil, [*people, self._traffic.account.address])
        nonces = self._next_nonces(accounts, mempool)
        signed = self._traders.signed_transactions(index, base_fee, nonces)
        signed += self._providers.signed_transactions(index, base_fee, nonces)
        signed += self._traffic.signed_transactions(index, parent, nonces[self._traffic.account.address])
        hidden = {} if self._flow is None else self._flow.hidden(index, signed, accounts)
        for one in signed:
            tx = decode_raw(one.raw)
            if self._flow is not None and one.hash in hidden:
                await self._flow.send(tx, hidden[one.hash], parent.number + 1)
            else:
                mempool.add(tx, accounts[one.sender])
        if self._flow is not None:
            self._flow.close_block()
        if self._arrivals is not None:
            self._arrivals.complete(parent.number + 1)
        return len(signed)

    def _next_nonces(self, accounts: dict[Address, Account], mempool: Mempool) -> dict[Address, int]:
        nonces: dict[Address, int] = {}
        for address, account in accounts.items():
            nonce, before = account.nonce, -1
            while nonce != before:  # public and private ones may take turns
                before = nonce
                nonce = mempool.next_nonce(address, nonce)
                if self._private is not None:
                    nonce = self._private.next_nonce(address, nonce)
            nonces[address] = nonce
        return nonces
