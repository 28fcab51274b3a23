"""Packets, the file-delivery engine, the link and its passes, the ledger."""
