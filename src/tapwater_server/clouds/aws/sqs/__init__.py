"""SQS on our queues: a queue of the account is the queue of its app of the same name.

A message is an errand on the queue's line of the bus, for native functions and for clients of SQS
alike. How its id, group, attributes, times and counts lie in the errand is written in
``clouds/aws/shapes/sqs_record.py``, which also reads them back (for event source mappings, say).

How a queue treats its messages is kept where native queues keep it (``ports/queues.py``): hidden
for, kept for, delayed by, received at most, dead letters go to. What else SQS knows of a queue is
a fact of kind ``sqs/queue`` in the account's space: its other attributes, tags, when it was made. A
queue without that fact that was configured or holds messages is there too, with defaults.
"""
