import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.decisions import Verdict
from bot.core.errors import BrokenInvariant
from bot.execution.lifecycle import (
    FINAL,
    TRANSITIONS,
    VERDICT_EVENTS,
    Event,
    IntentLife,
    State,
    lifecycle_diagram,
    next_state,
)

ILLEGAL = [pair for pair in itertools.product(State, Event) if pair not in TRANSITIONS]


def test_there_are_illegal_pairs():
    assert len(ILLEGAL) > 100


@pytest.mark.parametrize(("state", "event"), ILLEGAL)
def test_an_illegal_move_raises_and_changes_nothing(state, event):
    life = IntentLife(state)
    with pytest.raises(BrokenInvariant, match=state.value):
        life.meet(event)
    assert life.state is state


@given(st.lists(st.sampled_from(Event), max_size=40))
def test_any_walk_follows_the_table(events):
    life = IntentLife()
    for event in events:
        before = life.state
        try:
            life.meet(event)
        except BrokenInvariant:
            assert life.state is before
        else:
            assert life.state is TRANSITIONS[before, event]


def test_every_state_can_be_reached_and_every_event_is_used():
    reached, frontier = {State.PLANNED}, [State.PLANNED]
    while frontier:
        state = frontier.pop()
        new = {end for (start, _), end in TRANSITIONS.items() if start is state} - reached
        reached |= new
        frontier += new
    assert reached == set(State)
    assert {event for _, event in TRANSITIONS} == set(Event)


def test_every_verdict_is_a_final_state_of_its_own_name():
    for verdict in Verdict:
        assert State(verdict.value) in FINAL
    assert {State.DROPPED} == FINAL - {State(verdict.value) for verdict in Verdict}


@pytest.mark.parametrize("verdict", set(Verdict) - {Verdict.REVERTED_IN_SIMULATION})
def test_what_was_sent_ends_by_its_verdict(verdict):
    assert next_state(State.SENT, VERDICT_EVENTS[verdict]) is State(verdict.value)


def test_a_reorg_opens_what_the_chain_had_ended_and_nothing_else():
    reopened = {state for state in State if (state, Event.BLOCK_LEFT_CHAIN) in TRANSITIONS}
    assert reopened == FINAL - {State.DROPPED, State.REVERTED_IN_SIMULATION, State.UNKNOWN}
    assert {TRANSITIONS[state, Event.BLOCK_LEFT_CHAIN] for state in reopened} == {State.SENT}


def test_nothing_leaves_before_it_is_written_and_signed():
    for state in (State.PLANNED, State.SIMULATED, State.RECORDED):
        assert (state, Event.HANDED_OVER) not in TRANSITIONS
    assert {s for s in State if (s, Event.SIGNER_SIGNED) in TRANSITIONS} == {State.RECORDED}


def test_the_diagram_shows_every_transition():
    lines = lifecycle_diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    for (state, event), end in TRANSITIONS.items():
        assert f"    {state.value} --> {end.value}: {event.value}" in lines
    assert len(lines) == 2 + len(TRANSITIONS) + len(FINAL)
