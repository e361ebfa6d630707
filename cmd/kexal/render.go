package main

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kexal/kexal/cmd/kexal/clone"
	"github.com/kexal/kexal/reconciler"
	"github.com/kexal/kexal/reconciler/render"
	"github.com/kexal/kexal/strategies"
)

// rendering is what `kexal render` is asked for.
type rendering struct {
	what      string // NAME or DIR; empty = here, or the only one
	rev       string
	namespace string
	color     string
}

func newRenderCommand() *cobra.Command {
	var in rendering
	cmd := &cobra.Command{
		Use:   "render [NAME|DIR]",
		Short: "Print the objects of a release",
		Long: "Print the objects of a release as its directory renders them, in one YAML stream: what `kustomize build` or\n" +
			"`helm template` prints of it. With --color they are as the agent applies them, with that colour's Deployment:\n" +
			"names, labels, previews, and Services that select that colour. The Deployment has no pods yet: the rollout scales it.\n" +
			"It needs a clone, and neither a cluster nor a ledger.",
		Example: "  kexal render                        # the rollout here, as its files lie on disk\n  kexal render web --rev HEAD~1\n  kexal render web --color green | kubectl diff -f -",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				in.what = args[0]
			}
			c, err := clone.Open(cmd.Context(), ".")
			if err != nil {
				return err
			}
			p := planned{clone: c}
			tree, err := p.tree(cmd.Context(), in.rev)
			if err != nil {
				return err
			}
			defer tree.Close()
			at, err := c.FindIn(tree, in.what)
			if err != nil {
				return err
			}
			objects, problems, err := in.objects(tree, at)
			if err != nil {
				return err
			}
			for _, p := range problems {
				fmt.Fprintln(cmd.ErrOrStderr(), p)
			}
			if len(problems) > 0 {
				return fmt.Errorf("%s cannot be rendered until that is mended", at.Name)
			}
			return stream(cmd.OutOrStdout(), objects)
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.rev, "rev", "", "commit to render, as git takes it (default: the files as they lie on disk)")
	f.StringVarP(&in.namespace, "namespace", "n", "", "namespace that a chart is told, and that the agent runs in (default: that of rollout.yaml)")
	f.StringVar(&in.color, "color", "", "blue or green: as the agent applies them")
	return cmd
}

// objects are what is asked for, or what has to be mended first.
func (in rendering) objects(tree *clone.Tree, at clone.Rollout) ([]*unstructured.Unstructured, []strategies.Problem, error) {
	namespace := cmp.Or(in.namespace, at.Namespace)
	switch color := strategies.Color(in.color); color {
	case "":
		objects, err := rendered(tree, at, namespace)
		if err != nil {
			return nil, strategies.Problems(err), nil
		}
		return objects, nil, nil
	case strategies.Blue, strategies.Green:
		if namespace == "" {
			namespace = namespaceOf(tree, at)
		}
		r := reconciler.Read(
			reconciler.Settings{Namespace: namespace, Paths: []string{"."}},
			reconciler.Commit{Hash: tree.Commit, Subject: tree.Subject, Author: tree.Author, Tree: tree},
			at.Dir)
		if r == nil {
			return nil, nil, fmt.Errorf("%s is for namespace %s, not for %s", at.File, at.Namespace, namespace)
		}
		if len(r.Problems) > 0 {
			return nil, r.Problems, nil
		}
		return r.Release.Applied(color), nil, nil
	}
	return nil, nil, fmt.Errorf("--color %s: write blue or green", in.color)
}

// rendered are the objects as the directory has them.
func rendered(tree fs.FS, at clone.Rollout, namespace string) ([]*unstructured.Unstructured, error) {
	src, err := fs.ReadFile(tree, at.File)
	if err != nil {
		return nil, err
	}
	rollout, err := strategies.Decode(at.File, src)
	if err != nil {
		return nil, err
	}
	objects, err := render.Objects(tree, at.Dir, render.From{Material: rollout.Spec.Material, Name: at.Name, Namespace: namespace})
	if err != nil {
		return nil, render.Locate(tree, at.Dir, rollout.Spec.Material, err)
	}
	return objects, nil
}

// namespaceOf is the namespace that the objects of a rollout name, if any does.
func namespaceOf(tree fs.FS, at clone.Rollout) string {
	objects, err := rendered(tree, at, at.Namespace)
	if err != nil {
		return "" // said when it is read for what it is wanted for
	}
	for _, o := range objects {
		if o.GetNamespace() != "" {
			return o.GetNamespace()
		}
	}
	return ""
}

// stream writes objects as one stream of YAML documents, keys sorted.
func stream(to io.Writer, objects []*unstructured.Unstructured) error {
	var b strings.Builder
	for i, o := range objects {
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			return err
		}
		if i > 0 {
			b.WriteString("---\n")
		}
		b.Write(text)
	}
	_, err := io.WriteString(to, b.String())
	return err
}
