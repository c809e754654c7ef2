#!/bin/sh
# daemon.sh PIDFILE COMMAND…
# Keeps a command running until this script is told to stop: it is started again a second after it ended, whatever it
# ended with.
pidfile=$1
shift
echo $$ > "$pidfile"
stopped=
child=
trap 'stopped=yes; [ -n "$child" ] && kill -TERM "$child" 2> /dev/null' TERM INT

while [ -z "$stopped" ]; do
  "$@" &
  child=$!
  # A signal ends `wait`, and not the command.
  status=129
  while kill -0 "$child" 2> /dev/null; do
    wait "$child"
    status=$?
  done
  child=
  [ -n "$stopped" ] && break
  echo "The gateway ended with $status; it is started again in a second."
  sleep 1
done
rm -f "$pidfile"
