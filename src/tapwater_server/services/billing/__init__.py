"""Bills: what was used, priced by our own tariff and by those of the clouds."""
