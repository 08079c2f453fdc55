"""Documents as a service: rules, live subscriptions, import and export, and the API of it all."""
