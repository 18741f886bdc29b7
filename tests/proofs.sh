# Proofs that `run` knows by name: words changed at random, faults made by hand, and runs under load.
# Sourced, never run by itself.
# shellcheck shell=bash

# The targets are tests whose names begin with fuzz_. They run in every `test` and `ci` too, with
# few inputs; a time takes the place of their number.
fuzz() {
  local target=fuzz_ long=
  need_rust
  while [ $# -gt 0 ]; do
    case "$1" in
      --long) long=yes ;;
      -*) die "no such option: $1" ;;
      fuzz_*) target=$1 ;;
      *) target=fuzz_$1 ;;
    esac
    shift
  done
  if [ -n "$long" ]; then
    export BOLERO_RANDOM_TEST_TIME_MS="${BOLERO_RANDOM_TEST_TIME_MS:-60000}"
    export BOLERO_RANDOM_ITERATIONS="${BOLERO_RANDOM_ITERATIONS:-1000000000}"
  fi
  cargo test -p chargeghar-devices -p chargeghar -p chargeghar-loadtest --lib --bins "$target" -- --test-threads 2
}

# A mutant is a patch whose first line names the package and the test that finds it. Each still
# applies, and its test is still there: the long proof is for who has the time.
mutants_apply() {
  local patch name
  for patch in tests/mutants/*.patch; do
    git apply --check "$patch" || return
    name=$(sed -n '1s/^# found by: [^ ]* //p' "$patch")
    grep -rqE "fn $name\(" --include='*.rs' src tests loadtest || { echo "$patch: no test $name"; return 1; }
  done
}

# In a copy of what is committed, so that nothing here is touched. A mutant that does not compile
# is none.
mutants() {
  local wanted=${1:-} copy patch package name found missed=0
  need_rust
  need_postgres
  cluster_start
  copy="$cluster/tree"
  mkdir "$copy"
  git archive HEAD | tar -x -C "$copy"
  export CARGO_TARGET_DIR="$PWD/$target_dir/mutants"
  for patch in "$PWD"/tests/mutants/"$wanted"*.patch; do
    read -r package name < <(sed -n '1s/^# found by: //p' "$patch")
    mutant_passes "$copy" "$package" "$name" || die "${patch##*/}: $name does not pass without it"
    (cd "$copy" && git apply "$patch") || die "${patch##*/}: does not apply"
    found=found
    if mutant_passes "$copy" "$package" "$name"; then
      found=MISSED
      missed=$((missed + 1))
    fi
    (cd "$copy" && git apply -R "$patch")
    printf '%-7s %s by %s\n' "$found" "$(basename "$patch" .patch)" "$name"
  done
  return $((missed > 0))
}

mutant_passes() {
  local features=() log="$cluster/mutant.log"
  [ "$2" != chargeghar ] || features=("${WITH_FAILPOINTS[@]}")
  (cd "$1" && cargo test --quiet --no-run -p "$2" "${features[@]}") >"$log" 2>&1 ||
    { cat "$log" >&2; die "it does not compile"; }
  (cd "$1" && cargo test --quiet -p "$2" "${features[@]}" "$3") >"$log" 2>&1 </dev/null || return 1
  grep -qE '[1-9][0-9]* passed' "$log" || die "no test $3"
}

# A minute of crashes and cuts on a real Postgres and Mosquitto, by the build at hand.
crashes() {
  CHARGEGHAR_TEST_PG_BIN=$(pg_bin) "$target_dir/debug/chargeghar-loadtest" \
    --service "$target_dir/debug/chargeghar" chaos --out "$target_dir/chaos"
}

# The same by the release build, as long as its arguments say.
chaos() {
  need_postgres
  need_servers required
  CHARGEGHAR_TEST_PG_BIN=$(pg_bin)
  export CHARGEGHAR_TEST_PG_BIN
  measured chaos "$@"
}

# Half a minute of riders and cabinets, by the build at hand: its gates hold on a busy machine.
smoke() {
  "$target_dir/debug/chargeghar-loadtest" --service "$target_dir/debug/chargeghar" \
    load smoke --out "$target_dir/load"
}
