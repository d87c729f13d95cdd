"""What sits on the transactions of either side ("core" in RFC 3261 6), as far as it needs no policy."""
