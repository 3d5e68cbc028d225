"""The only cost model: base fee, gas schedule, gas of a plan's shape, net profit. Pure."""
