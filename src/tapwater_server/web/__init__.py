"""What every HTTP API of the house is made of: endpoints as data, requests, answers, problems.

Below the rooms, so that they stay strangers; above the ports.
"""
