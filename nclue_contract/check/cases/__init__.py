"""The test cases of the contract check, one module per subject, and the plan made of them."""
