"""The simulated exchange as a broker: what its clients may ask and are told, in Alpaca's words."""
