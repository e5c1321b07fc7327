"""Plain-torch ops: short, checked by hand-worked numbers and gradcheck, and the oracle of any faster form."""
