"""Services of AWS asked from inside, through the doors that their clients use."""
