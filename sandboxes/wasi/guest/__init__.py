"""Runs inside the guest alone: built into the artefact with `names.py` and `values.py`."""
