package cluster

// A Right is what the agent's Role allows it for one kind.
type Right struct {
	Group    string // "" is the core group
	Resource string // plural, as in a Role
	Verbs    []string
	Why      string
}

var (
	readVerbs = []string{"get", "list", "watch"}
	keepVerbs = []string{"get", "list", "watch", "create", "patch", "delete"}
)

// Rights is the base Role (SPEC 6.10): all that the agent may ask for, and the only
// place where kinds and verbs stand. The Role under deploy/ has the same rows in the
// same order; a test there compares them.
var Rights = []Right{
	{"apps", "deployments", keepVerbs, "the colours"},
	{"", "services", keepVerbs, "what selects the colours"},
	{"", "configmaps", keepVerbs, "config by revision, and the state"},
	{"networking.k8s.io", "ingresses", keepVerbs, "the ways in"},
	{"apps", "replicasets", readVerbs, "which pods a Deployment that is adopted has"},
	{"", "pods", readVerbs, "who is ready"},
	{"discovery.k8s.io", "endpointslices", readVerbs, "where requests really go"},
	{"", "resourcequotas", readVerbs, "whether a surge fits"},
	{"", "limitranges", readVerbs, "what the namespace adds to pods"},
	{"", "pods", []string{"create"}, "dry-runs: only a pod's own meets quota and Pod Security"},
	{"policy", "poddisruptionbudgets", keepVerbs, "they follow the colour that serves"},
	{"coordination.k8s.io", "leases", []string{"get", "create", "update", "patch"}, "one agent acts at a time"},
	{"", "events", []string{"create", "patch"}, "what people see in kubectl describe"},
	{"events.k8s.io", "events", []string{"create", "patch"}, "the same, by their newer name"},
}
