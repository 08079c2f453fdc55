"""IAM: users, roles, policies and keys, stored and given back; who has policies is held to them."""
