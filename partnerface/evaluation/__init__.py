"""Numbers that compare rendered frames with true ones: metric × region × split, with the protocol beside them."""
