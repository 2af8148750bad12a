"""The contract: rules, readings, the OpenAPI document and the payload types."""
