"""Who a client is: SASL mechanisms, names in certificates, tokens. Pure: bytes, time and entropy come in as arguments."""
