"""What stands between a person and Snakemake: `partnerface run`, and the functions that the rules call."""
