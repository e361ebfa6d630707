package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	chart "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/kexal/kexal/strategies"
)

const schemaFile = "values.schema.json"

// nothing loads no schema: one that leads elsewhere would have this process read a file or ask
// a host that somebody wrote into a chart.
type nothing struct{}

func (nothing) Load(url string) (any, error) {
	return nil, fmt.Errorf("it leads to %s, and nothing is read but the schema itself", url)
}

// valid holds values to the schema of a chart, and what they say of those that it depends on
// to theirs.
func valid(c *chart.Chart, values map[string]any, at string) error {
	if c.Schema != nil {
		if err := conforms(c.Schema, values); err != nil {
			return strategies.Mistakes{{Path: path.Join(at, schemaFile), Line: 1, Col: 1, Err: fmt.Errorf("the values of chart %s: %w", c.Name(), err), Fix: "give values that it allows"}}
		}
	}
	for _, d := range c.Dependencies() {
		of, _ := values[d.Name()].(map[string]any)
		if err := valid(d, of, path.Join(at, "charts", d.Name())); err != nil {
			return err
		}
	}
	return nil
}

func conforms(schema []byte, values map[string]any) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return fmt.Errorf("the schema is no JSON: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(nothing{})
	const here = "values"
	if err := compiler.AddResource(here, doc); err != nil {
		return err
	}
	compiled, err := compiler.Compile(here)
	var away *jsonschema.LoadURLError
	switch {
	case errors.As(err, &away):
		return away.Err
	case err != nil:
		return fmt.Errorf("the schema is at fault: %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	text, err := json.Marshal(values)
	if err != nil {
		return err
	}
	given, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	var wrong *jsonschema.ValidationError
	if err := compiled.Validate(given); !errors.As(err, &wrong) {
		return err
	}
	var faults []string
	for line := range strings.Lines(wrong.Error()) {
		if fault, is := strings.CutPrefix(strings.TrimSpace(line), "- "); is {
			faults = append(faults, fault)
		}
	}
	return errors.New(strings.Join(faults, "; "))
}
