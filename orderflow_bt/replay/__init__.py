"""Replay: the session of a backtest, stepped by a person who reads the tape.

One engine (`Player`) feeds the same readings and the same simulated exchange as a backtest; what is
shown is made from what it has passed, and nothing else.
"""
