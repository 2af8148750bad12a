"""The test cases of the contract check, one module per topic, and the plan made of them."""
