"""The public of the market: traders, liquidity providers and background traffic, handed to the public mempool block by block."""

from __future__ import annotations

from bot.core.identity import Address
from bot.core.messages import Head
from bot.core.units import WeiPerGas
from bot.world.anvil import Anvil
from bot.world.market_plan import MarketPlan
from bot.world.mempool import Mempool
from bot.world.providers import Providers
from bot.world.raw_transaction import decode_raw
from bot.world.traders import Traders
from bot.world.traffic import Traffic
from bot.world.transaction_checks import read_accounts


class Crowd:
    """`first_block` is the number of the first block the crowd sends for; its people count from there."""

    def __init__(
        self, anvil: Anvil, plan: MarketPlan, chain_id: int, usual_base_fee: WeiPerGas, first_block: int
    ) -> None:
        self._anvil = anvil
        self._first_block = first_block
        self._traders = Traders(plan, chain_id)
        self._providers = Providers(plan, chain_id)
        self._traffic = Traffic(plan.seed, chain_id, usual_base_fee)

    async def submit(self, parent: Head, base_fee: WeiPerGas, mempool: Mempool) -> int:
        """Send what everybody wants in the block after `parent`; how many transactions that was.

        Nonces continue behind what is still pending. Raises AnvilError; RpcError would be a defect of the market.
        """
        index = parent.number + 1 - self._first_block
        people = [account.address for account in (*self._traders.accounts, *self._providers.accounts)]
        accounts = await read_accounts(self._anvil, [*people, self._traffic.account.address])
        nonces: dict[Address, int] = {
            address: mempool.next_nonce(address, account.nonce) for address, account in accounts.items()
        }
        signed = self._traders.signed_transactions(index, base_fee, nonces)
        signed += self._providers.signed_transactions(index, base_fee, nonces)
        signed += self._traffic.signed_transactions(index, parent, nonces[self._traffic.account.address])
        for one in signed:
            mempool.add(decode_raw(one.raw), accounts[one.sender])
        return len(signed)
