{{- define "playground.image" -}}
{{- $prefix := ternary "staging-" "v" (contains "-" .Chart.AppVersion) -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default (print $prefix .Chart.AppVersion) }}
{{- end -}}
