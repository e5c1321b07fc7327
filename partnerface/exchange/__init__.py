"""Other programs' trackings and data sets: read into one struct, and written from ours.

One module per format; `docs/formats.md` is their page. Everything here is arrays in and arrays out, and small readers
and writers; the stages `import` and `export` bring it together with pictures, landmarks and artefacts.
"""
