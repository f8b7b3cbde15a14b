"""The author's kit: text tapes and checks for plugins."""
