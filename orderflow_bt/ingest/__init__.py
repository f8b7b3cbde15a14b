"""Where archive and store meet: download into the lake."""
