"""Check whether a server keeps the contract: plan, expectations, inference of readings, transports and results."""
