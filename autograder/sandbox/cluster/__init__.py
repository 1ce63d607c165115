"""Notebooks run in boxes of other processes and machines, by Dask; what comes from there is parsed here."""
