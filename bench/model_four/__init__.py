"""Why the unfrozen variant stops early: one long training, and its statistics mixed by hand."""
