"""What crosses a wire: shapes, errors, events and frames that two processes must agree on.

Depends on pydantic alone, so that any program may import it. Behaviour belongs in ``servicekit`` or in a service.
"""
