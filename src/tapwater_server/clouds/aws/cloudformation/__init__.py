"""CloudFormation: stacks of resources, made through the other services' own doors."""
