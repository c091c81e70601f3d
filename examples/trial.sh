#!/bin/sh
# The counting problem's trial in plain shell: a container of any language does the same. Only rungs need the helper.
# Try it with counting.yaml: put this file into the image and name it as the container's command.
set -eu

# In: each decision has a variable. A real trial would start its training with them here.
cost=$(awk -v walk="0 $EVONAS_D_A1 $EVONAS_D_A2 $EVONAS_D_A3 $EVONAS_D_A4 $EVONAS_D_A5 6" \
  'BEGIN { n = split(walk, at, " "); for (i = 1; i < n; i++) cost += (at[i + 1] - at[i]) ^ 2; print cost }')
reward=$(awk -v cost="$cost" 'BEGIN { printf "%.17g", 6 / cost }')

# Meanwhile, in a search with rungs (EVONAS_RUNGS=1,3,9): what it has reached at each, where a hopeless one is stopped.
# A search that pauses trials (EVONAS_UNTIL=3) wants what it has reached there as the reward. A real one would also keep
# a checkpoint then, and go on from it in the next attempt.
for step in $(echo "${EVONAS_RUNGS:-}" | tr , ' '); do
  of=${EVONAS_RUNGS##*,}
  [ "$step" -le "${EVONAS_UNTIL:-$of}" ] || break
  reached=$(awk -v reward="$reward" -v step="$step" -v of="$of" \
    'BEGIN { printf "%.17g", reward * ((1 - 2 ^ -step) / (1 - 2 ^ -of)) }')
  python -m evonas_trial.report --progress "$step" --of "$of" --metric "reward=$reached" --metric "cost=$cost"
done
reward=${reached:-$reward}

# Out: the termination message, and exit code 0. For a candidate that cannot be trained: exit 65.
printf '{"reward": %s, "metrics": {"cost": %s}}' "$reward" "$cost" > "${EVONAS_REPORT_FILE:-/dev/termination-log}"
