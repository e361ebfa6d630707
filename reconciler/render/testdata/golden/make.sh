#!/bin/sh
# make.sh DIR writes want.yaml of every case, with the programs kustomize and helm of DIR: what they
# print is what kexal has to render. They are built from their own modules, of the versions of the
# libraries that kexal uses:
#
#	mkdir /tmp/programs && cd /tmp/programs && go mod init programs
#	go get -tool sigs.k8s.io/kustomize/kustomize/v5@v5.8.2 helm.sh/helm/v4/cmd/helm@v4.3.1
#	go build -o . sigs.k8s.io/kustomize/kustomize/v5 && mv v5 kustomize; go build -o . helm.sh/helm/v4/cmd/helm
#
# flags has the arguments of `helm template`, one a line: the release, the chart, and what the
# rollout.yaml of the case says of its values.
set -e
programs=$(cd "$1" && pwd)
cd "$(dirname "$0")"
for c in kustomize/*/; do
	"$programs/kustomize" build --load-restrictor LoadRestrictionsNone "${c}web" >"${c}want.yaml" 2>/dev/null
done
for c in helm/*/; do
	(cd "$c" && tr '\n' '\0' <flags | xargs -0 "$programs/helm" template --namespace shop --skip-tests >want.yaml)
done
