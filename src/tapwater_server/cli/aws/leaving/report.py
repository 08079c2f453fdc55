"""What a person should know of an export, what is missing first. Pure."""

from tapwater_server.cli.aws.leaving.template import App, Exported


def report(app: App, exported: Exported) -> str:
    """Write the README of an export."""
    missing = "".join(f"* {one}\n" for one in exported.left) or "Nothing.\n"
    functions = "".join(
        f"| `{one.place.name}` | {_called(one.place.path)} | `{one.place.file}` |\n"
        for one in app.functions
        if f"{one.place.module}.py" in exported.handlers
    )
    return f"""# {app.name} on AWS

## What does not come along

{missing}
## What is here

| function | is called | file |
|---|---|---|
{functions}
`template.yaml` is a SAM template. `app/` holds the app as it was, with three folders beside it:

* `handlers/`: what Lambda calls;
* `tapwater_on_lambda/`: reads Lambda's events, and asks S3, SQS, SNS and EventBridge where the app
  asks blobs, queues, topics and events;
* `tapwater/`: what the functions import; standard library only.

## Deploying it

    sam build && sam deploy --guided

or, on a Tapwater that serves AWS' interfaces, `tapwater deploy` in this folder.
"""


def _called(path: str) -> str:
    return f"at `{path}`" if path else "by events"
