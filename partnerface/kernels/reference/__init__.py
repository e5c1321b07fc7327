"""Plain-torch ops: short, checked by hand-worked numbers and gradcheck, and the oracle of any faster form."""

import warnings

# Compressed sparse rows are marked as beta; what is used of them here is checked by the tests.
warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
warnings.filterwarnings("ignore", message="Sparse invariant checks are implicitly disabled")
