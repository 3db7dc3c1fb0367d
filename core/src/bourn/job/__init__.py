"""Carry out a plan: compute, encode, store, deliver, and record each step in the ledger."""
