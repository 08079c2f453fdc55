// How errors are told to whoever called.

export function named(error, name) {
  Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  return error;
}

export function fault(kind, message) {
  return named(new Error(message), `Runtime.${kind}`);
}

export function told(error) {
  if (!(error instanceof Error)) {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  }
  return {
    errorType: error.name || "Error",
    errorMessage: error.message,
    trace: String(error.stack ?? "").split("\n"),
  };
}
