"""AWS's protocols on the server's side: query, JSON and REST-JSON, by botocore's models.

A service whose requests are no hot path is a table of operations and what answers them:

    class Parameters:
        def door(self) -> Service:
            handlers = {"GetParameter": self.get_parameter, ...}
            return ModelService("ssm", handlers, protocol="json")

        async def get_parameter(self, asked: AwsAsked, params: Params) -> Given:
            fact = self._facts.get(asked.account.space, "ssm/parameter", params["Name"])
            if fact is None:
                raise AwsError("ParameterNotFound", "…")  # status: the model's
            return {"Parameter": {"Name": fact.key, "LastModifiedDate": fact.value["at"], …}}

The first argument is botocore's name of the service (a folder of ``botocore/data``). ``params`` are
checked against the model: required members, types, enumerations, lengths and ranges; unknown
members are left out, absent optional ones are absent. In ``params`` and in what is given back,
times are seconds since the epoch (a ``datetime`` may be given too), blobs are ``bytes``, all else
is what JSON has. None stands for ``{}``. Members whose value is None are left out.

Errors are ``AwsError(code, message)``; where the model knows the code, its status is the model's
(unless another than 400 is given). An operation of the model that is not in the table is 501
NotImplemented; one that is not in the model is AWS's own "unknown operation".

``reading.py`` and ``writing.py`` can be used alone by who has a door of their own:
``read_params(model, operation, asked, body)``, ``write_result(model, operation, given, id=…)``.
The models are loaded at the first request, in a thread.
"""
