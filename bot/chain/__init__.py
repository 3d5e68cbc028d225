"""The world out: JSON-RPC sessions, reads at one block, simulation, relays, the signer's client."""
