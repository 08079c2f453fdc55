# What the runtime calls: the event is the first argument, the answer goes to stdout.
handler() {
  if [[ "$1" == *'"fail"'* ]]; then return 1; fi
  echo "got: $1" >&2
  printf '{"bash": "%s", "bytes": %d}' "${BASH_VERSION%%.*}" "${#1}"
}
