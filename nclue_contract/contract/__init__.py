"""What the contract says: rules, readings, the OpenAPI document and the payload types."""
