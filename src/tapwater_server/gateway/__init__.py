"""Room A: the request door. HTTP comes in, invocations go to the ``Invoker``, answers come back."""
