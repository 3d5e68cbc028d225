"""What we believe of the chain, and at which block. Pure."""
