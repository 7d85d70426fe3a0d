"""How often the audit is right on real radiographs: clean by construction, and with shortcuts."""
