"""The life of an intent as one table: what may follow what, and nothing else may.

The chain speaks the verdict, and a reorg takes it back: the intent is open again. Only the endings before a signature
stay, and an intent that was open when the run ended waits for the next start to ask the chain.
"""

from enum import StrEnum
from typing import Final

from bot.core.decisions import Verdict
from bot.core.errors import BrokenInvariant


class State(StrEnum):
    PLANNED = "planned"
    SIMULATED = "simulated"
    RECORDED = "recorded"
    """Intent and reservation are on disk. Nothing is signed."""
    SIGNED = "signed"
    """A payload is on disk, or may exist because the signer did not answer."""
    SENT = "sent"
    """Handed to at least one route, whatever the route said."""
    WITHDRAWN = "withdrawn"
    """No longer pays at a new head, and is handed over no more; its payload can land until its window is over."""
    DROPPED = "dropped"
    """Ended before a signature could exist: denied, not simulated, or refused by the signer."""
    LANDED = "landed"
    MINED_REVERTED = "mined_reverted"
    OUTBID = "outbid"
    REVERTED_IN_SIMULATION = "reverted_in_simulation"
    BASE_FEE_MOVED = "base_fee_moved"
    LATE = "late"
    EXPIRED = "expired"
    UNCLED = "uncled"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """Open when the run ended; the next start asks the chain."""


class Event(StrEnum):
    SIMULATION_HELD = "simulation held"
    SIMULATION_REVERTED = "simulation reverted"
    SIMULATION_UNKNOWN = "simulation unknown"
    DENIED = "denied"
    WRITTEN = "written"
    """Intent and reservation are durable."""
    SIGNER_SIGNED = "signer signed"
    SIGNER_REFUSED = "signer refused"
    SIGNER_SILENT = "signer silent"
    """A signature may exist: the budget stays reserved."""
    HANDED_OVER = "handed over"
    NO_LONGER_PAYS = "no longer pays"
    """Simulated anew at a later head of its window."""
    REPLANNED = "replanned"
    """Another payload of the same intent, at the same nonce."""
    FOUND_LANDED = "found landed"
    FOUND_MINED_REVERTED = "found mined reverted"
    FOUND_OUTBID = "found outbid"
    FOUND_BASE_FEE_MOVED = "found base fee moved"
    FOUND_LATE = "found late"
    FOUND_EXPIRED = "found expired"
    FOUND_UNCLED = "found uncled"
    FOUND_REPLACED = "found replaced"
    FOUND_CANCELLED = "found cancelled"
    RUN_ENDED = "run ended"
    BLOCK_LEFT_CHAIN = "block left chain"
    """A reorg took back the block on which the verdict rested."""


VERDICT_EVENTS: Final[dict[Verdict, Event]] = {
    Verdict.LANDED: Event.FOUND_LANDED,
    Verdict.MINED_REVERTED: Event.FOUND_MINED_REVERTED,
    Verdict.OUTBID: Event.FOUND_OUTBID,
    Verdict.REVERTED_IN_SIMULATION: Event.SIMULATION_REVERTED,
    Verdict.BASE_FEE_MOVED: Event.FOUND_BASE_FEE_MOVED,
    Verdict.LATE: Event.FOUND_LATE,
    Verdict.EXPIRED: Event.FOUND_EXPIRED,
    Verdict.UNCLED: Event.FOUND_UNCLED,
    Verdict.REPLACED: Event.FOUND_REPLACED,
    Verdict.CANCELLED: Event.FOUND_CANCELLED,
    Verdict.UNKNOWN: Event.RUN_ENDED,
}
"""What each verdict does to an intent; verdict and state have the same name."""

_BY_THE_CHAIN: Final = tuple(
    (State(verdict.value), event)
    for verdict, event in VERDICT_EVENTS.items()
    if verdict not in (Verdict.REVERTED_IN_SIMULATION, Verdict.UNKNOWN)
)
_MINED: Final = ((Verdict.LANDED, Event.FOUND_LANDED), (Verdict.MINED_REVERTED, Event.FOUND_MINED_REVERTED))
"""These can still follow another ending: a payload is valid until its nonce is used, and payloads leak."""
_MINED_STATES: Final = (State.LANDED, State.MINED_REVERTED)
_OPEN: Final = (State.RECORDED, State.SIGNED, State.SENT, State.WITHDRAWN)
"""RECORDED too: a start finds intents whose process died there."""

TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (State.PLANNED, Event.SIMULATION_HELD): State.SIMULATED,
    (State.PLANNED, Event.SIMULATION_REVERTED): State.REVERTED_IN_SIMULATION,
    (State.PLANNED, Event.SIMULATION_UNKNOWN): State.DROPPED,
    (State.SIMULATED, Event.DENIED): State.DROPPED,
    (State.SIMULATED, Event.WRITTEN): State.RECORDED,
    (State.RECORDED, Event.SIGNER_REFUSED): State.DROPPED,
    (State.RECORDED, Event.SIGNER_SILENT): State.SIGNED,
    (State.RECORDED, Event.SIGNER_SIGNED): State.SIGNED,
    (State.SIGNED, Event.HANDED_OVER): State.SENT,
    (State.SENT, Event.HANDED_OVER): State.SENT,
    (State.SENT, Event.NO_LONGER_PAYS): State.WITHDRAWN,
    (State.SIGNED, Event.NO_LONGER_PAYS): State.WITHDRAWN,  # no route could be given it
    (State.WITHDRAWN, Event.HANDED_OVER): State.WITHDRAWN,  # a route's late answer
    (State.SENT, Event.REPLANNED): State.SIGNED,
    **{(opened, Event.RUN_ENDED): State.UNKNOWN for opened in _OPEN},
    **{(opened, event): end for opened in (*_OPEN, State.UNKNOWN) for end, event in _BY_THE_CHAIN},
    **{
        (end, event): State(mined.value)
        for end, _ in _BY_THE_CHAIN
        for mined, event in _MINED
        if end not in _MINED_STATES
    },
    **{(end, Event.BLOCK_LEFT_CHAIN): State.SENT for end, _ in _BY_THE_CHAIN},
}
"""A missing pair is illegal."""

FINAL: Final = frozenset(State) - {State.PLANNED, State.SIMULATED, *_OPEN}


def next_state(state: State, event: Event) -> State:
    """Raises BrokenInvariant, with what would have been legal, for a pair that is not in the table."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        legal = ", ".join(sorted(e.value for s, e in TRANSITIONS if s is state)) or "nothing"
        raise BrokenInvariant(
            f"an intent that is {state.value} met {event.value!r}; it can meet: {legal}. A defect: report it"
        )
    return following


class IntentLife:
    """Where one intent stands."""

    def __init__(self, state: State = State.PLANNED) -> None:
        self._state = state

    @property
    def state(self) -> State:
        return self._state

    @property
    def is_over(self) -> bool:
        return self._state in FINAL

    def meet(self, event: Event) -> State:
        """Move on. An illegal event raises BrokenInvariant and changes nothing."""
        self._state = next_state(self._state, event)
        return self._state


def lifecycle_diagram() -> str:
    """The table as mermaid text (stateDiagram-v2), for the documentation."""
    lines = ["stateDiagram-v2", "    [*] --> planned"]
    lines += [
        f"    {state.value} --> {following.value}: {event.value}"
        for (state, event), following in TRANSITIONS.items()
    ]
    lines += [f"    {state.value} --> [*]" for state in State if state in FINAL]
    return "\n".join(lines) + "\n"
