"""Witnesses of faults, one table for each module of `service.faults`: the ID of a fault, and what shows it.

A witness is an exchange that distinguishes faulty and clean service, with both values typed by hand. A fault with an argument has a
function of the argument instead.
"""

from tests.service.faults.witnesses import authentication, deletion, echo, lists, paths, payload, responses, tasks, tidying

TABLES = (paths, payload, authentication, responses, echo, tidying, tasks, deletion, lists)
WITNESSES = {fault_id: witness for table in TABLES for fault_id, witness in table.WITNESSES.items()}


def witness_of(fault_id, argument=""):
    """Return the witness of a fault with an argument."""
    witness = WITNESSES[fault_id]
    return witness(argument) if callable(witness) else witness
