"""One request in, one reply out: decode, judge, make the totals durable, look for a halt once more, sign.

Everything the signer decides is decided here; process.py only carries bytes to it and back.
"""

from collections.abc import Callable

import structlog

from bot.core.signer_protocol import (
    PROTOCOL_VERSION,
    Hello,
    HelloReply,
    NonceNoted,
    Refused,
    Reply,
    ReportNonce,
    SignCancellation,
    Signed,
    SignExecution,
    WalletStatus,
    decode_request,
)
from bot.core.units import Wei
from bot.signer.config import SignerConfig, SignerLimits
from bot.signer.decode import NONCE_MAX, decode_execute, decode_transaction
from bot.signer.halt import halt_reason
from bot.signer.policy import cancellation_rules, execution_rules, first_broken, worst_cost
from bot.signer.totals import TotalsFile, WalletTotals
from bot.signer.wallet_key import WalletKey

_log = structlog.get_logger("bot.signer")


class _SignedWallet:
    """A key with its limits and totals. After a failed write nothing more is signed: memory and disk may differ."""

    def __init__(self, key: WalletKey, limits: SignerLimits, file: TotalsFile, chain_id: int) -> None:
        self.key = key
        self.limits = limits
        self.totals = file.read(chain_id, key.address)
        self.write_failure: str | None = None
        self._file = file

    def keep(self, totals: WalletTotals) -> Refused | None:
        """Make `totals` durable; the refusal says why that failed."""
        if self.write_failure is None:
            try:
                self._file.write(totals)
            except OSError as error:
                self.write_failure = f"{self._file.path}: {error.strerror or error}"
        if self.write_failure is not None:
            return Refused(
                "totals", "durable before a signature", f"{self.write_failure}; restart the signer"
            )
        self.totals = totals
        return None


class SigningDesk:
    """Answers requests. Reads the totals of every wallet at once; raises BadConfiguration if one cannot be read."""

    def __init__(
        self,
        config: SignerConfig,
        keys: dict[str, WalletKey],
        today: Callable[[], int],
        soon: Callable[[Callable[[], None]], object] = lambda work: work(),
    ) -> None:
        """`today`: days since 1970-01-01, UTC. `soon` carries out what can wait until the reply has left."""
        self._config = config
        self._today = today
        self._soon = soon
        self._wallets = {
            wallet.name: _SignedWallet(
                keys[wallet.name],
                wallet.limits,
                TotalsFile(config.totals_dir, wallet.name),
                config.chain_id,
            )
            for wallet in config.wallets
        }

    def answer(self, body: bytes) -> Reply:
        """The reply to one frame; never raises for what the frame holds."""
        try:
            request = decode_request(body)
        except (ValueError, RecursionError) as error:
            return Refused("request", "one of the protocol's", str(error))
        if isinstance(request, Hello):
            return self._hello()
        return self._for_wallet(request)

    def _for_wallet(self, request: SignExecution | SignCancellation | ReportNonce) -> Reply:
        wallet = self._wallets.get(request.wallet)
        if wallet is None:
            known = ", ".join(self._wallets) or "none"
            return Refused("wallet", known, request.wallet)
        if isinstance(request, ReportNonce):
            return self._note_nonce(wallet, request)
        reply = self._sign(wallet, request)
        self._soon(lambda: self._tell(request, reply))
        return reply

    def _hello(self) -> HelloReply:
        wallets = tuple(
            WalletStatus(
                name=name,
                address=wallet.key.address,
                last_signed_nonce=wallet.totals.last_signed_nonce,
                next_nonce=wallet.totals.next_nonce,
                counter=wallet.totals.counter,
                nonce_jumps=wallet.totals.nonce_jumps,
            )
            for name, wallet in self._wallets.items()
        )
        return HelloReply(
            PROTOCOL_VERSION, self._config.chain_id, wallets, halt_reason(self._config.halt_file)
        )

    def _note_nonce(self, wallet: _SignedWallet, request: ReportNonce) -> Reply:
        if not 0 <= request.next_nonce <= NONCE_MAX:
            return Refused("next_nonce", f"0 to {NONCE_MAX}", str(request.next_nonce))
        if request.block_number < 0:
            return Refused("block_number", ">= 0", str(request.block_number))
        before = wallet.totals
        noted = before.on_day(self._today()).with_report(request.next_nonce, request.block_number)
        if before.next_nonce is not None and noted.nonce_jumps == before.nonce_jumps:
            # Waits for the next write. What is on disk holds more spend, never less, and is told again after a start.
            wallet.totals = noted
            return NonceNoted(request.next_nonce)
        _log.warning(
            "nonce_jump",
            wallet=request.wallet,
            reported=request.next_nonce,
            reported_before=before.next_nonce,
            last_signed=before.last_signed_nonce,
        )
        return wallet.keep(noted) or NonceNoted(request.next_nonce)

    def _sign(self, wallet: _SignedWallet, request: SignExecution | SignCancellation) -> Signed | Refused:
        is_cancellation = isinstance(request, SignCancellation)
        try:
            fields = decode_transaction(request.payload)
            call = None if is_cancellation else decode_execute(fields.data)
        except (ValueError, RecursionError) as error:  # lists nested without end
            return Refused("decode", "one canonical transaction of the kind asked for", str(error))
        totals = wallet.totals.on_day(self._today())
        refused = first_broken(
            cancellation_rules(fields, self._config, wallet.limits, totals)
            if call is None
            else execution_rules(
                fields, call, self._config, wallet.limits, totals, self._spent_elsewhere(wallet)
            )
        ) or self._halted(is_cancellation=is_cancellation)
        if refused:
            return refused
        refused = wallet.keep(
            totals.with_signature(fields.nonce, worst_cost(fields), is_cancellation=is_cancellation)
        )
        # A halt that came while the totals were written still holds the signature back.
        refused = refused or self._halted(is_cancellation=is_cancellation)
        return refused or Signed(wallet.key.sign(fields).raw, wallet.totals.counter)

    def _spent_elsewhere(self, wallet: _SignedWallet) -> Wei:
        """Today's executions of every other wallet."""
        others = (
            other.totals.on_day(self._today()) for other in self._wallets.values() if other is not wallet
        )
        return Wei(sum(totals.executions.total for totals in others))

    def _halted(self, *, is_cancellation: bool) -> Refused | None:
        reason = None if is_cancellation else halt_reason(self._config.halt_file)
        return Refused("halt", "only cancellations are signed", reason) if reason else None

    def _tell(self, request: SignExecution | SignCancellation, reply: Signed | Refused) -> None:
        intent = request.intent if isinstance(request, SignExecution) else None
        if isinstance(reply, Signed):
            _log.info("signed", wallet=request.wallet, intent=intent, counter=reply.counter)
        else:
            _log.warning(
                "refused", wallet=request.wallet, intent=intent, rule=reply.rule, actual=reply.actual
            )
