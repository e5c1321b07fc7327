"""The avatar: inverse skinning, part-based deformation, canonical radiance field, and the file that holds them."""
