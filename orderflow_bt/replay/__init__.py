"""Replay: the session of a backtest, stepped by a person who reads the tape.

One engine (`engine.player.Player`) feeds the same readings and the same simulated exchange as a
backtest. What is shown (`screen`), asked and scored (`practice`) is made from what it has passed,
and nothing else; the `desk` carries both to the `page`.
"""
