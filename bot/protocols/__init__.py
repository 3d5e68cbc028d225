"""Bit-exact mirrors of on-chain maths and calldata, one file per protocol. Pure: no network, no clock, no randomness."""
