"""The post of AWS's services: what one sends to another, now or later, and in whose chain."""
