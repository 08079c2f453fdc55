"""An ordinary Flask app: nothing in it knows Tapwater. `flask run` runs it too."""

import os

from flask import Flask, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

app = Flask(__name__)
app.secret_key = os.environ.get("FLASK_SECRET_KEY", "only for trying out")

NOTES_MAX = 20


@app.get("/")
def index() -> str:
    """Show the notes in this browser's session."""
    return render_template("notes.html", notes=session.get("notes", []))


@app.post("/notes")
def add() -> Response:
    """Add a note. It is kept in a signed cookie, so that any instance can show it."""
    text = request.form.get("text", "").strip()
    if text:
        session["notes"] = [*session.get("notes", []), text[:200]][-NOTES_MAX:]
    else:
        flash("An empty note is no note.")
    return redirect(url_for("index"))


@app.get("/notes.json")
def notes() -> dict[str, list[str]]:
    """Give the notes to a program."""
    return {"notes": session.get("notes", [])}


@app.post("/wordcount")
def wordcount() -> dict[str, int]:
    """Count the words of an uploaded text."""
    text = request.files["text"].read().decode("utf-8", "replace")
    return {"words": len(text.split()), "lines": text.count("\n")}


@app.errorhandler(404)
def missing(error: Exception) -> tuple[dict[str, str], int]:
    """Say what is not there."""
    return {"error": f"there is nothing at {request.path}"}, 404
