"""Tables and the report: what a run left on disk, put before a reader."""
