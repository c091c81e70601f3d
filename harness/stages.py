"""What the fake node does to a pod, step by step: kwok's Stages, written for trials.

A pod scheduled to the fake node runs at once; after the trial's seconds it gets its reward annotation; a pod with a
reward ends as a real trial would. A label or annotation on the pod asks for something else:

``evonas-test/outcome``
    ``fail`` exit code 1; ``infeasible`` exit code 65; ``silent`` exit code 0 and no reward; ``message`` exit code 0
    and the reward in the termination message only; ``hang`` nothing until its deadline, at which a kubelet ends it.
    Without it the pod succeeds.
``evonas-test/outcome-<index>-<attempt>``
    The same for one attempt of one trial, known by the labels that the operator gives its pods.
``evonas-test/metrics``
    Whatever it says, the pod reports metrics, too: ``accuracy``, which is its reward, and ``latency_ms``, the first of
    its decisions by name.
``evonas-test/duration``
    How long it runs, as Go writes durations (``5s``, ``300ms``), instead of the instance's trial seconds.

A pod that is told of rungs (``EVONAS_RUNGS``) reports its progress at each but the last one first, and takes the time
above for each; one that hangs does so, too. One that is to end at a rung (``EVONAS_UNTIL``) goes on from the rung
before, reports its progress there once, and its reward is what it has reached.

A pod of a Ray cluster never ends of itself. On that of the head the exit code of the job's entrypoint is written
(``evonas-test/exit-code``), which the outcome above decides; ``ray_dashboard`` tells KubeRay, and has the pod that
submitted the job end as the job did.

With the reward left to the test's own program (``none``), a pod runs until someone annotates it.
"""

from __future__ import annotations

from typing import Any

from harness.state import Options

Stage = dict[str, Any]

REWARD = "evonas.dev/reward"
METRICS = "evonas.dev/metrics"
PROGRESS = "evonas.dev/progress"
EXIT_CODE = "evonas-test/exit-code"
SUBMISSION = "RAY_JOB_SUBMISSION_ID"
"""The variable by which a container that submits a Ray job is known."""

# A score that an agent can learn: it grows with the sum of the numeric decisions, stays below 1 and is the same for
# the same candidate. A pod that carries no decisions gets one half.
_REWARD_VALUE = """
{{- $sum := 0.0 }}{{ $count := 0.0 }}{{ $first := 0.0 }}
{{- $measured := index (default dict .metadata.annotations) "evonas-test/metrics" }}
{{- range .spec.containers }}{{ range .env }}{{ if eq .name "EVONAS_DECISIONS" }}
{{- range $name, $value := fromJson .value }}{{ if kindIs "float64" $value }}
{{- if eq $count 0.0 }}{{ $first = $value }}{{ end }}
{{- $sum = addf $sum $value }}{{ $count = addf $count 1.0 }}
{{- end }}{{ end }}{{ end }}{{ end }}{{ end }}
{{- $reward := 0.5 }}
{{- if gt $count 0.0 }}{{ $reward = divf $sum (addf $sum (mulf 10.0 $count)) }}{{ end -}}
"""

# What the pod is told of rungs.
_TOLD = """
{{- $rungs := list }}{{ $until := 0 }}
{{- range .spec.containers }}{{ range .env }}
{{- if eq .name "EVONAS_RUNGS" }}{{ $rungs = splitList "," .value }}{{ end }}
{{- if eq .name "EVONAS_UNTIL" }}{{ $until = atoi .value }}{{ end }}
{{- end }}{{ end -}}
"""

# A curve that rises towards the reward. A pod that replaces another one begins it again.
_PROGRESS_VALUE = """
{{- $done := 0 }}
{{- $said := index (default dict .metadata.annotations) "evonas.dev/progress" }}
{{- if $said }}{{ $done = int (index (fromJson $said) "step") }}{{ end }}
{{- $step := 0 }}{{ $at := dict }}{{ $resumed := 0 }}
{{- range initial $rungs }}
{{- if or (le (atoi .) $until) (and (not $until) (not (gt $step $done))) }}
{{- if lt (atoi .) $until }}{{ $resumed = atoi . }}{{ end }}
{{- $step = atoi . }}
{{- $value := divf (mulf $reward (float64 $step)) (addf (float64 $step) 2.0) }}
{{- $_ := set $at . (dict "reward" $value) }}
{{- if $measured }}{{ $_ := set $at . (dict "accuracy" $value "latency_ms" $first) }}{{ end }}
{{- end }}{{ end }}
{{- $progress := dict "step" $step "rungs" $at }}
{{- if $until }}{{ $progress = dict "step" $until "rungs" $at "resumed" $resumed }}{{ end }}
{{- $report := toJson $progress -}}
"""

# What it has reached at the rung where it ends.
_RESULT_VALUE = """
{{- if and $until (ne $until (atoi (last $rungs))) }}
{{- $reward = divf (mulf $reward (float64 $until)) (addf (float64 $until) 2.0) }}
{{- end -}}
"""

_RESULT = f"""
annotations:
  {REWARD}: "{{{{ $reward }}}}"
{{{{- if $measured }}}}
  {METRICS}: {{{{ dict "accuracy" $reward "latency_ms" $first | toJson | Quote }}}}
{{{{- end }}}}
"""

_ATTEMPT = '(.labels["evonas.dev/index"] // "") + "-" + (.labels["evonas.dev/attempt"] // "")'
_OUTCOME = (
    '.metadata | (.labels["evonas-test/outcome"] // .annotations["evonas-test/outcome"]'
    f' // .annotations["evonas-test/outcome-" + {_ATTEMPT}])'
)
_NEXT_RUNG = (
    '[.spec.containers[].env[]? | select(.name == "EVONAS_UNTIL").value | tonumber] as $until'
    ' | [.spec.containers[].env[]? | select(.name == "EVONAS_RUNGS").value | split(",")[] | tonumber] as $rungs'
    f' | (.metadata.annotations["{PROGRESS}"] // "{{}}" | fromjson.step // 0) as $done'
    " | (if $until == [] then $rungs[:-1] else $until end)[] | select(. > $done)"
)
# Some time between the report and the exit: in a real trial the process still has to end.
_MOMENT = {"durationMilliseconds": 20, "jitterDurationMilliseconds": 80}
_DURATION = '.metadata.annotations["evonas-test/duration"]'

_RAY_NODE = '.metadata.labels["ray.io/node-type"]'
_RAY_SUBMITTER = f'.spec.containers[].env[]? | select(.name == "{SUBMISSION}").value'

_RUNNING = """
{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace | Quote }}
conditions:
{{ range $type := list "Initialized" "Ready" "ContainersReady" }}
- {type: {{ $type }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
"""

_ENDED = """
%(prelude)s
{{ $now := Now }}
{{ $root := . }}
phase: %(phase)s
%(why)s
conditions:
{{ range $type := list "Ready" "ContainersReady" }}
- {type: {{ $type }}, status: "False", reason: "Pod%(phase)s", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: false
  started: false
  restartCount: 0
  state:
    terminated:
      exitCode: %(code)d
      reason: %(reason)s
      message: %(message)s
      startedAt: {{ $root.status.startTime | Quote }}
      finishedAt: {{ $now | Quote }}
{{ end }}
"""

_NODE_READY = """
{{ $now := Now }}
phase: Running
conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
"""


def stages(options: Options) -> list[Stage]:
    """All Stages of an instance with these options."""
    delay = _delay(options)
    ends = [
        _succeeded(),
        _ending("fail", code=1, delay=delay),
        _ending("infeasible", code=65, delay=delay),
        _ending("silent", code=0, delay=delay),
        _ending("message", code=0, delay=delay, with_message=True),
        _overdue(),
    ]
    if "kuberay" in options.engines:
        for stage in ends:
            stage["spec"]["selector"]["matchExpressions"] += [
                _is(_RAY_NODE, absent=True),
                _is(_RAY_SUBMITTER, absent=True),
            ]
        ends += _ray(delay)
    reward = [_progress(delay), _reward(delay)] if options.kwok_reward == "template" else []
    return [_node_ready(), _pod_running(), *reward, *ends, _pod_deleted()]


def _pod_running() -> Stage:
    return _stage("pod-running", _is(".status.podIP", absent=True), _status(_RUNNING))


def _progress(delay: Stage) -> Stage:
    template = _REWARD_VALUE + _TOLD + _PROGRESS_VALUE + f"annotations:\n  {PROGRESS}: {{{{ $report | Quote }}}}"
    trains = _is(f'({_OUTCOME}) // "none"', values=["none", "hang"])
    return _stage("pod-progress", [*_unrewarded(), trains, _is(_NEXT_RUNG, present=True)], _annotated(template), delay)


def _reward(delay: Stage) -> Stage:
    template = _REWARD_VALUE + _TOLD + _RESULT_VALUE + _RESULT
    selector = [*_unrewarded(), _is(_OUTCOME, absent=True), _is(_NEXT_RUNG, absent=True)]
    return _stage("pod-reward", selector, _annotated(template), delay)


def _succeeded() -> Stage:
    selector = [*_in_phase_running(), _is(_OUTCOME, absent=True), _is(_annotation(REWARD), present=True)]
    return _stage("pod-succeeded", selector, _status(_ended(code=0)), _MOMENT)


def _ending(outcome: str, *, code: int, delay: Stage, with_message: bool = False) -> Stage:
    selector = [*_in_phase_running(), _is(_OUTCOME, values=[outcome])]
    then = _status(_ended(code=code, with_message=with_message))
    return _stage(f"pod-{outcome}", selector, then, delay)


def _overdue() -> Stage:
    seconds = '(.spec.activeDeadlineSeconds | tostring) + "s"'
    selector = [*_in_phase_running(), _is(_OUTCOME, values=["hang"]), _is(_NEXT_RUNG, absent=True)]
    then = _status(_ended(code=137, why="reason: DeadlineExceeded\nmessage: active for too long"))
    return _stage("pod-overdue", selector, then, {"durationFrom": {"expressionFrom": seconds}})


def _ray(delay: Stage) -> list[Stage]:
    """How a Ray job ends: its entrypoint in the head first, then the pod that submitted it."""
    heads = [*_in_phase_running(), _is(_RAY_NODE, values=["head"]), _is(_annotation(EXIT_CODE), absent=True)]
    rewarded = [*heads, _is(_OUTCOME, absent=True), _is(_annotation(REWARD), present=True)]
    stages = [_stage("ray-succeeded", rewarded, _exit(0), _MOMENT)]
    for outcome, code in (("fail", 1), ("infeasible", 65), ("silent", 0)):
        stages.append(_stage(f"ray-{outcome}", [*heads, _is(_OUTCOME, values=[outcome])], _exit(code), delay))
    submitters = [*_in_phase_running(), _is(_RAY_NODE, absent=True), _is(_RAY_SUBMITTER, present=True)]
    succeeded = {"key": _annotation(EXIT_CODE), "operator": "In", "values": ["0"]}
    for name, code, said in (("succeeded", 0, [succeeded]), ("failed", 1, [{**succeeded, "operator": "NotIn"}])):
        ended = [*submitters, _is(_annotation(EXIT_CODE), present=True), *said]
        stages.append(_stage(f"ray-submitter-{name}", ended, _status(_ended(code=code))))
    return stages


def _exit(code: int) -> Stage:
    return _annotated(f"annotations:\n  {EXIT_CODE}: {str(code)!r}")


def _pod_deleted() -> Stage:
    stage = _stage("pod-deleted", [], {"finalizers": {"empty": True}, "delete": True})
    stage["spec"]["selector"]["matchExpressions"] = [_is(".metadata.deletionTimestamp", present=True)]
    return stage


def _node_ready() -> Stage:
    ready = '.status.conditions.[] | select( .type == "Ready" ) | .status'
    selector = [{"key": ready, "operator": "NotIn", "values": ["True"]}]
    return _stage("node-ready", selector, _status(_NODE_READY), kind="Node")


def _ended(*, code: int, with_message: bool = False, why: str = "") -> str:
    phase, reason = ("Failed", "Error") if code else ("Succeeded", "Completed")
    prelude, message = (_REWARD_VALUE, "'{\"reward\": {{ $reward }}}'") if with_message else ("", '""')
    return _ENDED % {"phase": phase, "code": code, "reason": reason, "prelude": prelude, "message": message, "why": why}


def _stage(
    name: str,
    selector: list[Stage] | Stage,
    then: Stage,
    delay: Stage | None = None,
    kind: str = "Pod",
) -> Stage:
    conditions = selector if isinstance(selector, list) else [selector]
    alive = [_is(".metadata.deletionTimestamp", absent=True)]
    spec = {
        "resourceRef": {"apiGroup": "v1", "kind": kind},
        "selector": {"matchExpressions": [*alive, *conditions]},
        "next": then,
    }
    if delay:
        spec["delay"] = delay
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": spec}


def _status(template: str) -> Stage:
    return {"statusTemplate": template}


def _delay(options: Options) -> Stage:
    """The trial's length: trials that all end in one instant would flatter whoever watches, or drown him."""
    milliseconds = round(options.kwok_trial_seconds * 1000)
    return {
        "durationMilliseconds": milliseconds,
        "durationFrom": {"expressionFrom": _DURATION},
        "jitterDurationMilliseconds": round(milliseconds * options.kwok_spread),
        "jitterDurationFrom": {"expressionFrom": _DURATION},
    }


def _in_phase_running() -> list[Stage]:
    return [_is(".status.phase", values=["Running"])]


def _unrewarded() -> list[Stage]:
    return [*_in_phase_running(), _is(_annotation(REWARD), absent=True)]


def _annotated(template: str) -> Stage:
    return {"patches": [{"root": "metadata", "type": "merge", "template": template}]}


def _annotation(name: str) -> str:
    return f'.metadata.annotations["{name}"]'


def _is(key: str, *, values: list[str] | None = None, present: bool = False, absent: bool = False) -> Stage:
    if values is not None:
        return {"key": key, "operator": "In", "values": values}
    assert present != absent
    return {"key": key, "operator": "Exists" if present else "DoesNotExist"}
