package reconciler

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kexal/kexal/strategies"
)

// In the texts of these tests ◊ stands where the mistake is to be found.
const mark = "◊"

// marked takes the mark out of some files and tells where it stood.
func marked(t *testing.T, files map[string]string) (tree fstest.MapFS, file string, line, col int) {
	t.Helper()
	tree = fstest.MapFS{}
	for name, text := range files {
		before, after, found := strings.Cut(text, mark)
		tree[name] = &fstest.MapFile{Data: []byte(before + after)}
		if !found {
			continue
		}
		if file != "" || strings.Contains(after, mark) {
			t.Fatalf("%s and %s are marked", file, name)
		}
		file, line, col = name, 1+strings.Count(before, "\n"), 1+len(before[strings.LastIndex(before, "\n")+1:])
	}
	if file == "" {
		t.Fatal("nothing is marked")
	}
	return tree, file, line, col
}

// told follows a commit and checks that rollout web is held by one mistake, at the mark.
func told(t *testing.T, what, says string, files map[string]string) {
	t.Helper()
	tree, file, line, col := marked(t, files)
	r, _ := reader(t)
	r.follow(tree)
	d := r.desired["web"]
	if d == nil {
		t.Errorf("%s: there is no rollout web", what)
		return
	}
	var mistakes strategies.Mistakes
	if !errors.As(d.err, &mistakes) || len(mistakes) != 1 {
		t.Errorf("%s: got %v, want one mistake that says %s", what, d.err, says)
		return
	}
	if m := mistakes[0]; m.Path != file || m.Line != line || m.Col != col || !strings.Contains(m.Err.Error(), says) || m.Fix == "" {
		t.Errorf("%s: got %v\nwant %s:%d:%d: … %s … with a fix", what, m, file, line, col, says)
	}
}

const rolloutFile = `apiVersion: kexal.dev/v1alpha1
kind: Rollout
metadata:
  name: web
spec:
  strategy:
    canary:
      steps: [{setWeight: 50}, {pause: {}}]
`

const deploymentFile = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    team: shop
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: side
        image: side:v1
      - name: web
        image: web:v1
        ports:
        - name: admin
          containerPort: 9090
        - name: http
          containerPort: 8080
`

const serviceFile = `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - port: 443
    targetPort: 8080
  - name: http
    port: 80
    targetPort: http
`

// at replaces the one place of old in a text.
func at(t *testing.T, text, old, replacement string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q is there %d times", old, strings.Count(text, old))
	}
	return strings.Replace(text, old, replacement, 1)
}

// Every fault of a release is told with the place of the field that is at fault, whether
// the directory is read as it is or through a kustomization.
func TestPlacesOfFaults(t *testing.T) {
	rollout := func(old, replacement string) map[string]string {
		return map[string]string{"web/rollout.yaml": at(t, rolloutFile, old, replacement)}
	}
	deployment := func(old, replacement string) map[string]string {
		return map[string]string{"web/deployment.yaml": at(t, deploymentFile, old, replacement)}
	}
	service := func(old, replacement string) map[string]string {
		return map[string]string{"web/service.yaml": at(t, serviceFile, old, replacement)}
	}
	more := func(text string) map[string]string { return map[string]string{"web/more.yaml": text} }
	pod := func(field string) map[string]string {
		return deployment("    spec:\n      containers:", "    spec:\n      "+field+"\n      containers:")
	}
	container := func(field string) map[string]string {
		return deployment("image: web:v1\n", "image: web:v1\n        "+field+"\n")
	}
	for _, c := range []struct {
		what, says string
		change     map[string]string
	}{
		{"a kind that is not applied", "Role x (rbac.authorization.k8s.io/v1) is not a kind", more("apiVersion: rbac.authorization.k8s.io/v1\nkind: ◊Role\nmetadata: {name: x}\n")},
		{"another namespace", "is for namespace elsewhere", service("  name: web\n", "  name: web\n  namespace: ◊elsewhere\n")},
		{"the agent's name", "would be the agent's own", more("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ◊kexal-web}\n")},
		{"a label of kexal's", "has the label kexal.dev/rollout", deployment("team: shop", "team: shop\n    kexal.dev/rollout: ◊mine")},
		{"no such workload", "spec.workloads names wbe", rollout("spec:\n", "spec:\n  workloads:\n  - ◊wbe\n")},
		{"two Deployments of one label", "select each other's pods", more("---\n# more\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: worker}\nspec:\n  selector:\n    ◊matchLabels: {app: web}\n  template: {metadata: {labels: {app: web}}}\n")},
		{"Recreate", "strategy Recreate", deployment("  replicas: 2", "  strategy:\n    type: ◊Recreate")},
		{"hostNetwork", "uses hostNetwork", pod("hostNetwork: ◊true")},
		{"the agent's rights", "the agent's own rights", pod("serviceAccountName: ◊kexal")},
		{"the agent's rights by the old name", "the agent's own rights", pod("serviceAccount: ◊kexal")},
		{"the agent's Secret as a volume", "would read kexal-git", pod("volumes:\n      - {name: tmp, emptyDir: {}}\n      - name: git\n        secret: {secretName: ◊kexal-git}")},
		{"the agent's Secret in the environment", "would read kexal-git", container("env: [{name: A, value: b}, {name: T, valueFrom: {secretKeyRef: {name: ◊kexal-git, key: t}}}]")},
		{"the agent's Secret as an environment", "would read kexal-git", container("envFrom: [{configMapRef: {name: a}}, {secretRef: {name: ◊kexal-git}}]")},
		{"the agent's pull secret", "would read kexal-registry", pod("imagePullSecrets: [{name: ◊kexal-registry}]")},
		{"hostPort", "uses a hostPort", deployment("containerPort: 8080", "containerPort: 8080\n          hostPort: ◊80")},
		{"a variable twice", "env A is written twice", container("env: [{name: A, value: b}, {name: B}, ◊{name: A, value: c}]")},
		{"a port's name twice", "ports http is written twice", deployment("        - name: http\n          containerPort: 8080\n", "        - name: http\n          containerPort: 8080\n        - ◊name: http\n          containerPort: 8081\n")},
		{"no number of pods", "spec.replicas is many", deployment("replicas: 2", "replicas: ◊many")},
		{"a claim", "mounts a PersistentVolumeClaim", pod("volumes:\n      - name: data\n        ◊persistentVolumeClaim: {claimName: data}")},
		{"a label of kexal's on the pods", "has the label kexal.dev/color on its pods", deployment("        app: web\n    spec", "        app: web\n        kexal.dev/color: ◊blue\n    spec")},
		{"pods that are not selected", "does not match the labels of its pod template", deployment("    matchLabels:\n      app: web", "    ◊matchLabels:\n      app: wbe")},
		{"no selector at all", "does not match the labels of its pod template", deployment("  selector:\n    matchLabels:\n      app: web\n", "  ◊selector: {}\n")},
		{"no such Service", "spec.services names wbe", rollout("spec:\n", "spec:\n  services: [web, ◊wbe]\n")},
		{"a Service that is not named", "Service web selects the pods of Deployment web and is not in spec.services", map[string]string{
			"web/rollout.yaml": at(t, rolloutFile, "spec:\n", "spec:\n  ◊services:\n  - admin\n"),
			"web/more.yaml":    "apiVersion: v1\nkind: Service\nmetadata: {name: admin}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n",
		}},
		{"a Service that selects nothing", "selects none of the pods", service("  selector:\n    app: web\n", "  ◊selector:\n    app: wbe\n")},
		{"ExternalName", "is an ExternalName", service("spec:\n", "spec:\n  type: ◊ExternalName\n")},
		{"headless", "is headless", service("spec:\n", "spec:\n  clusterIP: ◊None\n")},
		{"a port that nobody has", `sends to port "htp"`, service("targetPort: http", "targetPort: ◊htp")},
	} {
		files := map[string]string{"web/rollout.yaml": rolloutFile, "web/deployment.yaml": deploymentFile, "web/service.yaml": serviceFile, "README.md": "not read"}
		for name, text := range c.change {
			files[name] = text
		}
		told(t, c.what, c.says, files)
		sheet := "resources: [deployment.yaml, service.yaml"
		if files["web/more.yaml"] != "" {
			sheet += ", more.yaml"
		}
		files["web/kustomization.yaml"] = sheet + "]\n"
		told(t, c.what+", by kustomize", c.says, files)
	}
}

// What is about the directory as a whole is told at its kustomization, or its rollout.yaml.
func TestPlacesOfTheWhole(t *testing.T) {
	told(t, "no Deployment", "no Deployment is rendered", map[string]string{"web/rollout.yaml": mark + rolloutFile, "web/service.yaml": serviceFile})
	told(t, "nothing", "nothing is rendered", map[string]string{"web/rollout.yaml": rolloutFile, "web/kustomization.yaml": mark + "resources: []\n"})
	told(t, "one object twice", "Service web is rendered twice", map[string]string{"web/rollout.yaml": rolloutFile, "web/a.yaml": serviceFile, "web/b.yaml": mark + serviceFile, "web/deployment.yaml": deploymentFile})
	r, _ := reader(t)
	linked := tree("web", "")
	linked["web/rollout.yaml"].Mode = fs.ModeSymlink
	r.follow(linked)
	if d := r.desired["web"]; d == nil || d.err == nil || !strings.HasPrefix(d.err.Error(), "web/rollout.yaml:1:1: it cannot be read: ") {
		t.Errorf("a link: %+v", d)
	}
}

// Through overlays, prefixes, patches and what a kustomization sets, the mistake is found
// in the file that says the field last.
func TestPlacesThroughKustomize(t *testing.T) {
	base := func(change map[string]string) map[string]string {
		files := map[string]string{
			"web/rollout.yaml":        rolloutFile,
			"base/deployment.yaml":    deploymentFile,
			"base/service.yaml":       serviceFile,
			"base/kustomization.yaml": "resources: [deployment.yaml, service.yaml]\n",
			"web/kustomization.yaml":  "resources: [../base]\n",
		}
		for name, text := range change {
			files[name] = text
		}
		return files
	}
	hostPort := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n        ports: [{containerPort: 8080, hostPort: ◊80}]\n"
	for _, c := range []struct {
		what, says string
		change     map[string]string
	}{
		{"in a base, under another name", "Deployment my-web-v2 has strategy Recreate", map[string]string{
			"base/deployment.yaml":   at(t, deploymentFile, "  replicas: 2", "  strategy: {type: ◊Recreate}"),
			"web/kustomization.yaml": "resources: [../base]\nnamePrefix: my-\nnameSuffix: -v2\n"}},
		{"in a patch that is a file", "uses a hostPort", map[string]string{
			"web/kustomization.yaml": "resources: [../base]\npatches: [{path: patch.yaml}]\n", "web/patch.yaml": hostPort}},
		{"in a patch of the old kind", "uses a hostPort", map[string]string{
			"web/kustomization.yaml": "resources: [../base]\npatchesStrategicMerge: [patch.yaml]\n", "web/patch.yaml": hostPort}},
		{"in a patch with a target", "uses a hostPort", map[string]string{
			"web/kustomization.yaml": "resources: [../base]\npatches: [{path: patch.yaml, target: {kind: Deployment}}]\n",
			"web/patch.yaml":         strings.Replace(hostPort, "name: web}", "name: any}", 1)}},
		{"in a patch that is written out", "uses a hostPort", map[string]string{
			"web/kustomization.yaml": "resources: [../base]\npatches:\n- patch: |-\n    " + strings.TrimSpace(strings.ReplaceAll(hostPort, "\n", "\n    ")) + "\n"}},
		{"in a JSON patch", "has strategy Recreate", map[string]string{
			"web/kustomization.yaml": "resources: [../base]\npatches:\n- target: {kind: Deployment, name: web}\n  patch: |\n    - op: add\n      path: /spec/strategy\n      value: {type: ◊Recreate}\n"}},
		{"in a component", "uses hostNetwork", map[string]string{
			"web/kustomization.yaml":  "resources: [../base]\ncomponents: [../host]\n",
			"host/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: patch.yaml, target: {kind: Deployment}}]\n",
			"host/patch.yaml":         "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: any}\nspec: {template: {spec: {hostNetwork: ◊true}}}\n"}},
		{"a patch over a mistake in the base", "spec.replicas is more", map[string]string{
			"base/deployment.yaml":   at(t, deploymentFile, "replicas: 2", "replicas: many"),
			"web/kustomization.yaml": "resources: [../base]\npatches: [{path: patch.yaml}]\n",
			"web/patch.yaml":         "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: ◊more}\n"}},
		{"a count that the kustomization sets", "spec.replicas is 4294967296", map[string]string{
			"web/kustomization.yaml": "resources: [../base]\nreplicas: [{name: web, count: ◊4294967296}]\n"}},
		{"a namespace that the kustomization sets", "is for namespace elsewhere", map[string]string{
			"base/kustomization.yaml": "resources: [deployment.yaml]\n",
			"web/kustomization.yaml":  "resources: [../base]\nnamespace: ◊elsewhere\n"}},
		{"a label that the kustomization sets", "has the label kexal.dev/rollout", map[string]string{
			"base/kustomization.yaml": "resources: [deployment.yaml]\n",
			"web/kustomization.yaml":  "resources: [../base]\nlabels:\n- pairs:\n    kexal.dev/rollout: ◊x\n"}},
		{"generated config with the agent's name", "would be the agent's own", map[string]string{
			"web/kustomization.yaml": "resources: [../base]\nconfigMapGenerator:\n- name: settings\n- name: ◊kexal-settings\n  literals: [a=b]\n"}},
		{"a field that was taken away", "no container of Deployment web has", map[string]string{
			"base/service.yaml":      at(t, serviceFile, "targetPort: http", "targetPort: ◊http"),
			"web/kustomization.yaml": "resources: [../base]\npatches:\n- target: {kind: Deployment}\n  patch: |\n    - {op: replace, path: /spec/template/spec/containers/1/ports/1/name, value: web}\n"}},
		// The file alone does not say which of the two is called web in the end.
		{"two that may be meant", "is not a kind", map[string]string{
			"base/kustomization.yaml": "resources: [deployment.yaml]\n",
			"one/kustomization.yaml":  "resources: [sa.yaml]\nnameSuffix: -x\n", "one/sa.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n",
			"two/kustomization.yaml": "resources: [sa.yaml]\nnamespace: shop\n", "two/sa.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
			"web/kustomization.yaml": mark + "resources: [../base, ../two]\npatches:\n- target: {kind: Pod}\n  options: {allowNameChange: true}\n  patch: '[{\"op\": \"replace\", \"path\": \"/metadata/name\", \"value\": \"b\"}]'\n"}},
	} {
		told(t, c.what, c.says, base(c.change))
	}
}

// What is only seen beside the revision that serves has its place too (SPEC 5.9).
func TestPlacesBesideStable(t *testing.T) {
	for _, c := range []struct{ what, deployment, service string }{
		{"a label less", at(t, deploymentFile, "      labels:\n        app: web\n    spec", "      ◊labels:\n        app: wob\n    spec"), serviceFile},
		{"a port's other number", at(t, deploymentFile, "web:v1", "web:v2"), at(t, serviceFile, "targetPort: 8080", "targetPort: ◊9191")},
	} {
		r, _ := reader(t)
		first, _, _, _ := marked(t, map[string]string{"web/rollout.yaml": mark + rolloutFile, "web/deployment.yaml": deploymentFile, "web/service.yaml": serviceFile})
		r.follow(first)
		stable := r.desired["web"].release.Track("c1")
		second, file, line, col := marked(t, map[string]string{"web/rollout.yaml": rolloutFile, "web/deployment.yaml": c.deployment, "web/service.yaml": c.service})
		if c.service == serviceFile {
			for _, name := range []string{"web/deployment.yaml", "web/service.yaml"} {
				second[name].Data = []byte(strings.ReplaceAll(string(second[name].Data), "app: web", "app: wob"))
			}
		}
		r.follow(second)
		d := r.desired["web"]
		if d.err != nil {
			t.Fatalf("%s: %v", c.what, d.err)
		}
		problems := strategies.Problems(d.placed(d.release.Spans(stable, func(string) bool { return true })))
		if p := problems[0]; p.Path != file || p.Line != line || p.Column != col {
			t.Errorf("%s: got %v, want %s:%d:%d", c.what, p, file, line, col)
		}
	}
}
