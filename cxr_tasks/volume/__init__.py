"""The shared volume `$CXR_HOME`: places, files that are whole or absent, records, locks."""
