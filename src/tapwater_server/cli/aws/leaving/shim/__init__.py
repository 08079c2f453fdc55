"""Runs functions written for Tapwater on AWS Lambda: a copy of this lies in each export."""
