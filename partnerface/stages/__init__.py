"""One module per stage: read artefacts, call a domain, write artefacts."""
