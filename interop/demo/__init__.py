"""The demonstration: a camera three platforms down, seen at the top. Everything goes over the network."""
