"""One file per screen: they put widgets together, hand them what feeds post, name the keys."""
