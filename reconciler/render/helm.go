package render

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	dependencies "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"helm.sh/helm/v4/pkg/ignore"
	"helm.sh/helm/v4/pkg/strvals"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/strategies"
)

const chartFile = "Chart.yaml"

// chartOf is the Chart.yaml that a directory is rendered from; empty = it is no chart.
func chartOf(tree fs.FS, dir string, from strategies.Material) string {
	switch {
	case from.Helm != nil:
		return path.Join(dir, from.Helm.Chart, chartFile)
	case from.Kustomize == "" && len(from.Manifests) == 0 && kustomization(tree, dir) == "" && exists(tree, path.Join(dir, chartFile)):
		return path.Join(dir, chartFile)
	}
	return ""
}

// hookNote marks an object that Helm would make at a moment of its own.
const hookNote = "helm.sh/hook"

// templated renders a chart of the commit as `helm template` does, from memory: what it
// depends on lies in its charts/, `lookup` finds nothing and no name is resolved. A first
// release at revision 1 is what it is told, whichever it is: the same commit renders the same.
func templated(tree fs.FS, dir string, h strategies.Helm, from From) ([]*unstructured.Unstructured, error) {
	at := path.Join(dir, h.Chart)
	h.Release = cmp.Or(h.Release, from.Name)
	first, err := once(tree, dir, at, h, from)
	if err != nil {
		return nil, err
	}
	again, err := once(tree, dir, at, h, from)
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	var mistakes strategies.Mistakes
	for _, name := range slices.Sorted(maps.Keys(first)) {
		file := inChart(at, name)
		if first[name] != again[name] {
			mistakes = append(mistakes, &strategies.Mistake{Path: file, Line: 1, Col: 1,
				Err: errors.New("it renders to something else each time"), Fix: "give it as a value what it makes up: a password, a certificate or the time"})
			continue
		}
		if path.Base(name) == "NOTES.txt" {
			continue
		}
		found, wrong := parse(file, []byte(first[name]))
		for _, m := range wrong { // their lines are those of what was rendered
			mistakes = append(mistakes, &strategies.Mistake{Path: file, Line: 1, Col: 1,
				Err: fmt.Errorf("line %d of what it renders to: %w", m.Line, m.Err), Fix: "see `helm template " + at + " -s " + within(name) + "`"})
		}
		for _, o := range found {
			switch hook := o.GetAnnotations()[hookNote]; {
			case hook == "":
				objects = append(objects, o)
			case strings.HasPrefix(hook, "test"): // run by `helm test` alone
			default:
				mistakes = append(mistakes, &strategies.Mistake{Path: file, Line: 1, Col: 1,
					Err: fmt.Errorf("%s %s is a hook (%s), and hooks are not run by this version of kexal", o.GetKind(), o.GetName(), hook), Fix: "switch it off by a value, or run it from your pipeline"})
			}
		}
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return objects, nil
}

// once renders a chart: the text of each template by its name, which begins with the chart's.
func once(tree fs.FS, dir, at string, h strategies.Helm, from From) (map[string]string, error) {
	file := path.Join(at, chartFile)
	c, err := load(tree, at)
	if err != nil {
		return nil, err
	}
	if missing := absent(c); len(missing) > 0 {
		return nil, strategies.Mistakes{{Path: file, Line: 1, Col: 1,
			Err: fmt.Errorf("%s is not in charts/", strings.Join(missing, ", ")), Fix: "run `helm dependency build " + at + "` and commit charts/: nothing is fetched"}}
	}
	if c.Metadata.Type == "library" {
		return nil, strategies.Mistakes{{Path: file, Line: 1, Col: 1, Err: errors.New("a library chart renders nothing"), Fix: "name a chart that uses it"}}
	}
	if crds := c.CRDObjects(); len(crds) > 0 {
		return nil, strategies.Mistakes{{Path: inChart(at, crds[0].Filename), Line: 1, Col: 1,
			Err: errors.New("a CustomResourceDefinition belongs to the cluster, and kexal owns a namespace"), Fix: "leave it to the cluster's administrators"}}
	}
	values, err := valuesOf(tree, dir, h)
	if err != nil {
		return nil, err
	}
	caps := common.DefaultCapabilities.Copy()
	if h.KubeVersion != "" {
		v, err := common.ParseKubeVersion(h.KubeVersion)
		if err != nil {
			return nil, inSource(fmt.Errorf("%q is no version of Kubernetes", h.KubeVersion), "write one such as v1.36.0", "helm", "kubeVersion")
		}
		caps.KubeVersion = *v
	}
	caps.APIVersions = slices.Concat(caps.APIVersions, h.APIVersions)
	if err := dependencies.ProcessDependencies(c, values); err != nil {
		return nil, fault(at, err)
	}
	told := common.ReleaseOptions{Name: h.Release, Namespace: from.Namespace, Revision: 1, IsInstall: true}
	all, err := util.ToRenderValuesWithSchemaValidation(c, values, told, caps, true) // Helm's own would fetch a schema
	if err != nil {
		return nil, fault(at, err)
	}
	if given, ok := all["Values"].(common.Values); ok {
		if err := valid(c, given, at); err != nil {
			return nil, err
		}
	}
	text, err := engine.Engine{}.Render(c, all)
	if err != nil {
		return nil, fault(at, err)
	}
	return text, nil
}

// load reads a chart's files out of the commit, but for those that its .helmignore names.
func load(tree fs.FS, at string) (*chart.Chart, error) {
	rules := ignore.Empty()
	if src, err := fs.ReadFile(tree, path.Join(at, ignore.HelmIgnore)); err == nil {
		if rules, err = ignore.Parse(bytes.NewReader(src)); err != nil {
			return nil, strategies.Mistakes{{Path: path.Join(at, ignore.HelmIgnore), Line: 1, Col: 1, Err: err, Fix: "mend the pattern"}}
		}
	}
	rules.AddDefaults()
	if _, err := fs.Stat(tree, path.Join(at, chartFile)); err != nil {
		return nil, inSource(fmt.Errorf("there is no %s in this commit", path.Join(at, chartFile)), "name the chart's directory", "helm", "chart")
	}
	var files []*archive.BufferedFile
	size := 0
	err := fs.WalkDir(tree, at, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(strings.TrimPrefix(p, at), "/")
		if at == "." {
			name = p
		}
		info, err := e.Info()
		switch {
		case err != nil:
			return err
		case name == "" || name == ".":
			return nil
		case rules.Ignore(name, info) && e.IsDir():
			return fs.SkipDir
		case e.IsDir() || rules.Ignore(name, info) || name == RolloutFile:
			return nil
		case !e.Type().IsRegular():
			return strategies.Mistakes{Unreadable(p, errors.New("it is no plain file"))}
		}
		src, err := fs.ReadFile(tree, p)
		if err != nil {
			return strategies.Mistakes{Unreadable(p, err)}
		}
		if size += len(src); size > maxBytes || len(files) >= maxFiles {
			return strategies.Mistakes{{Path: p, Line: 1, Col: 1, Err: fmt.Errorf("the chart is too large to render: at most %d files of %d MiB together", maxFiles, maxBytes>>20), Fix: "name in .helmignore what it does not need"}}
		}
		files = append(files, &archive.BufferedFile{Name: name, Data: src})
		return nil
	})
	if err != nil {
		return nil, err
	}
	c, err := loader.LoadFiles(files)
	if err != nil {
		return nil, strategies.Mistakes{{Path: path.Join(at, chartFile), Line: 1, Col: 1, Err: err, Fix: "see `helm lint " + at + "`"}}
	}
	return c, nil
}

// absent are the dependencies that a chart names and does not have.
func absent(c *chart.Chart) (names []string) {
	for _, d := range c.Metadata.Dependencies {
		if !slices.ContainsFunc(c.Dependencies(), func(has *chart.Chart) bool { return has.Name() == d.Name }) {
			names = append(names, d.Name)
		}
	}
	return names
}

// valuesOf lays the values that people give over each other: the files in their order, then
// single ones.
func valuesOf(tree fs.FS, dir string, h strategies.Helm) (map[string]any, error) {
	values := map[string]any{}
	for _, name := range h.Values {
		file := path.Join(dir, name)
		src, err := fs.ReadFile(tree, file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
			return nil, inSource(fmt.Errorf("%s is not in this commit", file), "add it, or take it out", "helm", "values")
		}
		if err != nil {
			return nil, strategies.Mistakes{Unreadable(file, err)}
		}
		if err := yaml.Unmarshal(src, new(yaml.Node)); err != nil {
			return nil, strategies.Mistakes{strategies.BadYAML(file, err)}
		}
		more, err := loader.LoadValues(bytes.NewReader(src))
		if err != nil {
			return nil, strategies.Mistakes{{Path: file, Line: 1, Col: 1, Err: err, Fix: "write a mapping of values"}}
		}
		values = loader.MergeMaps(values, more)
	}
	for _, at := range slices.Sorted(maps.Keys(h.Set)) {
		v, err := json.Marshal(h.Set[at])
		if err == nil {
			err = strvals.ParseJSON(at+"="+string(v), values)
		}
		if err != nil {
			return nil, inSource(fmt.Errorf("%q leads to no value: %w", at, err), "write the value's path, such as image.tag", "helm", "set")
		}
	}
	return values, nil
}

// place is where Helm says that a template is at fault.
var place = regexp.MustCompile(`([\w./-]+/templates/[\w./-]+):(\d+)(?::(\d+))?`)

// fault is what Helm complains of: at the template's line where it names one.
func fault(at string, err error) error {
	words := strings.Join(strings.Fields(err.Error()), " ")
	m := &strategies.Mistake{Path: path.Join(at, chartFile), Line: 1, Col: 1, Err: fmt.Errorf("helm: %s", words), Fix: "try `helm template " + at + "`"}
	if found := place.FindAllStringSubmatch(words, -1); len(found) > 0 {
		last := found[len(found)-1] // the innermost of those that include each other
		m.Path = inChart(at, last[1])
		m.Line, _ = strconv.Atoi(last[2])
		m.Col = 1
		if col, err := strconv.Atoi(last[3]); err == nil {
			m.Col = col + 1 // text/template counts columns from 0
		}
		m.Fix = "mend the template, or give the value that it wants"
	}
	return strategies.Mistakes{m}
}

// inChart is the repository's file of a template, whose name begins with the chart's.
func inChart(at, name string) string { return path.Join(at, within(name)) }

func within(name string) string {
	_, rest, _ := strings.Cut(name, "/")
	return rest
}
