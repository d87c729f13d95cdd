"""The health of a device as an operator needs it: signs of life, its rhythm, why it was away, what it can carry."""
