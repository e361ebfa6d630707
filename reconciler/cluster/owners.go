package cluster

import (
	"encoding/json"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// owns tells whether a manager's apply entry still owns a field of a live object.
func owns(live *unstructured.Unstructured, manager string, path ...string) bool {
	for _, entry := range live.GetManagedFields() {
		if entry.Manager != manager || entry.Operation != metav1.ManagedFieldsOperationApply || entry.FieldsV1 == nil {
			continue
		}
		var fields map[string]any
		if json.Unmarshal(entry.FieldsV1.Raw, &fields) != nil {
			continue
		}
		for i, step := range path {
			child, found := fields["f:"+step].(map[string]any)
			if !found {
				break
			}
			if fields = child; i == len(path)-1 {
				return true
			}
		}
	}
	return false
}

// othersOwn tells that somebody else than kexal owns a field of a Deployment's spec, or part of it:
// of its template, that a hand changed it; of its replicas, that a hand or an autoscaler wrote them.
// What is put back in a template is written with the counts' manager.
func othersOwn(live *unstructured.Unstructured, field string) bool {
	for _, entry := range live.GetManagedFields() {
		if entry.Manager == managerGit || entry.Manager == managerNew || entry.Manager == managerScale || entry.FieldsV1 == nil {
			continue
		}
		var fields struct {
			Spec map[string]any `json:"f:spec"`
		}
		if json.Unmarshal(entry.FieldsV1.Raw, &fields) == nil && fields.Spec["f:"+field] != nil {
			return true
		}
	}
	return false
}

// escape writes a key as one token of a JSON pointer (RFC 6901).
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}
