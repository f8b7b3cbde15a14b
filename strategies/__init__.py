"""The shipped strategies: plugins like anybody else's, found by their entry points."""
