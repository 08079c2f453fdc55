// What goes on without reload: one stream per question, shared; everything rests while the tab is hidden.

import { Api } from "./api.js";

const WAIT_MS_MIN = 500;
const WAIT_MS_MAX = 15_000;

/** Streams and looks that end with their page. */
export class Live {
  constructor(said = () => {}) {
    this._said = said; // Told "live", "waiting" or "resting".
    this._streams = new Map();
    document.addEventListener("visibilitychange", () => this._look());
  }

  /** Hear of each second: `told(tick)`. `query`: {app, function}. One stream serves all who ask the same. */
  ticks(query, told, signal) {
    this.events("/live", query, (event, data) => {
      if (event === "tick") told(data);
    }, signal);
  }

  /** Hear server-sent events of a path: `told(event, data)`; it connects again by itself. */
  events(path, query, told, signal) {
    const key = JSON.stringify([path, query]);
    let stream = this._streams.get(key);
    if (!stream) {
      stream = new Stream(path, query, (state) => this._said(state));
      this._streams.set(key, stream);
    }
    stream.ears.add(told);
    signal.addEventListener("abort", () => {
      stream.ears.delete(told);
      if (stream.ears.size === 0) {
        stream.stop();
        this._streams.delete(key);
      }
    });
    if (document.hidden) stream.rest();
    else stream.start();
  }

  /** Do something now and then again every so many seconds, never twice at once, not while hidden. */
  every(seconds, step, signal) {
    let timer = 0;
    let running = false;
    let missed = false;
    const next = () => {
      clearTimeout(timer);
      if (!signal.aborted) timer = setTimeout(run, seconds * 1000);
    };
    const run = async () => {
      if (signal.aborted || running) return;
      if (document.hidden) {
        missed = true;
        return;
      }
      running = true;
      try {
        await step();
      } catch (error) {
        if (error.name !== "AbortError") console.warn(`looking again failed: ${error.message}`);
      } finally {
        running = false;
        next();
      }
    };
    const shown = () => {
      if (!document.hidden && missed) {
        missed = false;
        run();
      }
    };
    document.addEventListener("visibilitychange", shown, { signal });
    signal.addEventListener("abort", () => clearTimeout(timer));
    return run();
  }

  /** Stop all: nobody is signed in. */
  stop() {
    for (const stream of this._streams.values()) stream.stop();
    this._streams.clear();
  }

  _look() {
    for (const stream of this._streams.values()) {
      if (document.hidden) stream.rest();
      else stream.start();
    }
  }
}

class Stream {
  constructor(path, query, said) {
    this.path = path;
    this.query = query;
    this.ears = new Set();
    this._said = said;
    this._ending = null;
    this._timer = 0;
    this._wait_ms = WAIT_MS_MIN;
  }

  start() {
    if (this._ending) return;
    clearTimeout(this._timer);
    const ending = new AbortController();
    this._ending = ending;
    this._run(ending.signal).finally(() => {
      if (this._ending !== ending) return; // Stopped, or begun anew.
      this._ending = null;
      this._said("waiting");
      this._timer = setTimeout(() => this.start(), this._wait_ms);
      this._wait_ms = Math.min(WAIT_MS_MAX, this._wait_ms * 2);
    });
  }

  async _run(signal) {
    try {
      await new Api().events(this.path, this.query, (event, data) => {
        this._wait_ms = WAIT_MS_MIN;
        this._said("live");
        for (const told of this.ears) told(event, data);
      }, signal);
    } catch (error) {
      if (error.status === 401 || error.status === 403 || error.status === 404) this._wait_ms = WAIT_MS_MAX;
    }
  }

  rest() {
    this.stop();
    this._said("resting");
  }

  stop() {
    clearTimeout(this._timer);
    const ending = this._ending;
    this._ending = null;
    ending?.abort();
  }
}
