"""SNS: topics of the account are topics of its app; who subscribed is kept in facts.

A topic is a fact of kind ``sns/topic``, a subscription one of kind ``sns/subscription`` under
``<topic>:<id>``. What is published is sent to queues and functions before the publisher is
answered, under ids made from the message's: sent again, it arrives once. What was not taken then,
and whatever goes to web addresses, is an errand of the line ``h:<home>:sns`` and is tried again as
the subscription says. Native functions and queues that hear the topic are told through our own
topics; what native code publishes reaches the subscriptions through the log (``Deliverer.heard``).
"""
