{{/* Name of the release's objects. */}}
{{- define "evonas.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* Name of the operator's objects: Deployment, ServiceAccount, roles, Lease. */}}
{{- define "evonas.operator" -}}
{{ include "evonas.fullname" . }}-operator
{{- end }}

{{/* Arguments that say how long the Lease lasts; the operator would refuse what is refused here, but only once it runs. */}}
{{- define "evonas.leaseTimes" -}}
{{- with .Values.leaderElection -}}
{{- if ge (float64 .renewDeadlineSeconds) (float64 .leaseDurationSeconds) -}}
{{- fail "leaderElection.renewDeadlineSeconds must be less than leaderElection.leaseDurationSeconds" -}}
{{- end -}}
{{- if ge (mulf 1.2 .retryPeriodSeconds) (float64 .renewDeadlineSeconds) -}}
{{- fail "leaderElection.retryPeriodSeconds must be less than leaderElection.renewDeadlineSeconds divided by 1.2" -}}
{{- end -}}
- --lease-duration={{ .leaseDurationSeconds }}s
- --renew-deadline={{ .renewDeadlineSeconds }}s
- --retry-period={{ .retryPeriodSeconds }}s
{{- end -}}
{{- end }}

{{/* Name of objects without a namespace, of which each namespaced release has its own. */}}
{{- define "evonas.clusterName" -}}
{{- if .Values.watchNamespaces -}}
{{ .Release.Namespace }}-{{ include "evonas.fullname" . }}
{{- else -}}
{{ include "evonas.fullname" . }}
{{- end -}}
{{- end }}

{{- define "evonas.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "evonas.operator" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- define "evonas.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "evonas.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* An image's full name; takes the image's values and the chart's version. */}}
{{- define "evonas.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .appVersion }}
{{- end -}}
{{- end }}

{{/* What Pod Security "restricted" asks of a pod; the images name their numeric user. */}}
{{- define "evonas.podSecurity" -}}
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What it asks of a container, and a read-only root file system. */}}
{{- define "evonas.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The kinds of workload that are enabled, in the order of the operator's catalogue: a list in YAML. */}}
{{- define "evonas.workloads" -}}
{{- with .Values.workloads -}}
{{- if .jobSet.enabled }}
- {kind: JobSet, group: jobset.x-k8s.io, version: v1alpha2, plural: jobsets}
{{- end }}
{{- if .trainJob.enabled }}
- {kind: TrainJob, group: trainer.kubeflow.org, version: v1alpha1, plural: trainjobs}
{{- end }}
{{- if .rayJob.enabled }}
- {kind: RayJob, group: ray.io, version: v1, plural: rayjobs}
{{- end }}
{{- end }}
{{- end }}

{{/* Limits an admission policy to the namespaces of this release. */}}
{{- define "evonas.policyScope" -}}
{{- with .Values.watchNamespaces -}}
namespaceSelector:
  matchExpressions:
    - {key: kubernetes.io/metadata.name, operator: In, values: {{ toJson . }}}
{{- end -}}
{{- end }}

{{/* Users that make what a trial begins with: a list in JSON. */}}
{{- define "evonas.trialMakers" -}}
{{- $operator := printf "system:serviceaccount:%s:%s" .Release.Namespace (include "evonas.serviceAccount" .) -}}
{{- concat (list $operator) .Values.admissionPolicies.trustedUsers | toJson -}}
{{- end }}

{{/* An expression: one of these users makes it, for a controller of that API group and of one of these kinds. */}}
{{- define "evonas.madeOf" -}}
request.userInfo.username in {{ first . | toJson }} && object.metadata.?ownerReferences.orValue([]).exists(owner,
owner.apiVersion.startsWith('{{ index . 1 }}/') && owner.kind in {{ slice . 2 | toJson }} && owner.?controller.orValue(false))
{{- end }}

{{/* An expression: this pod template, of a kind that keeps it as written, has the trials' account or their label. */}}
{{- define "evonas.templateOfATrial" -}}
{{ . }}.?spec.?serviceAccountName.orValue('') == '{{ include "evonas.trial" . }}' ||
{{ . }}.?spec.?serviceAccount.orValue('') == '{{ include "evonas.trial" . }}' ||
'evonas.dev/search-uid' in {{ . }}.?metadata.?labels.orValue({})
{{- end }}

{{/* Name of the live page's objects: Deployment, Service, ServiceAccount, roles. */}}
{{- define "evonas.ui" -}}
{{ include "evonas.fullname" . }}-ui
{{- end }}

{{/* Where the page listens, on its pod's loopback. */}}
{{- define "evonas.ui.port" -}}
8090
{{- end }}

{{- define "evonas.ui.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: ui
{{- end }}

{{- define "evonas.ui.probe" -}}
exec:
  command:
    - python
    - -c
    - import urllib.request; urllib.request.urlopen("http://127.0.0.1:{{ . }}/healthz", timeout=8)
timeoutSeconds: 10
{{- end }}

{{/* Refuses what would look safe and is not, or would work for nobody. */}}
{{- define "evonas.ui.check" -}}
{{- with .Values.ui -}}
{{- if and .userTokenHeader (not .proxy.containers) -}}
{{- fail "ui.userTokenHeader needs ui.proxy.containers: only a proxy that has authenticated a user may say whose token it passes on" -}}
{{- end -}}
{{- range .proxy.containers -}}
{{- if eq .name "ui" -}}
{{- fail "ui.proxy.containers: the name `ui` is the page's own container's" -}}
{{- end -}}
{{- end -}}
{{- if eq (toString .proxy.port) (include "evonas.ui.port" $) -}}
{{- fail "ui.proxy.port is the port of the page itself; choose another one, and let the proxy listen there" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Where `helm test` runs its search. */}}
{{- define "evonas.testNamespace" -}}
{{- .Values.test.namespace | default (first .Values.watchNamespaces) | default .Release.Namespace -}}
{{- end }}

{{/* The account and role of trials. The operator knows it by this name. */}}
{{- define "evonas.trial" -}}
evonas-trial
{{- end }}
