"""A list of things to do: routes and a schedule, as Chalice has them."""

import os

from chalice import Chalice, NotFoundError, Rate

app = Chalice(app_name="todo")

TASKS = {"1": "buy milk", "2": "call Ada"}


@app.route("/")
def index() -> dict[str, object]:
    """What there is to do."""
    return {os.environ["GREETING"]: list(TASKS.values())}


@app.route("/tasks/{id}")
def task(id: str) -> dict[str, str]:
    """One of them."""
    if id not in TASKS:
        raise NotFoundError(f"there is no task {id}")
    return {"id": id, "task": TASKS[id]}


@app.route("/tasks", methods=["POST"])
def add() -> dict[str, object]:
    """Say what would be added."""
    said = app.current_request.json_body
    return {"added": said["task"], "as": str(len(TASKS) + 1)}


@app.schedule(Rate(1, unit=Rate.HOURS))
def remind(event: object) -> None:
    """Say what is left."""
    print(f"left: {len(TASKS)}")
