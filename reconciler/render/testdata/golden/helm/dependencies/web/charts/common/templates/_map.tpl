{{- define "common.map" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}
  labels: {chart: {{ .root.Chart.Name }}}
data:
  from: library
{{- end }}
