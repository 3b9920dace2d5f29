/** RFC 1123 label, at most 63 characters (k8s.io/apimachinery, util/validation.IsDNS1123Label). */
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
/** Labels with dots between them, at most 253 characters (IsDNS1123Subdomain). */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Whether the text can be the name of a namespace or a container. */
export function isLabel(name: string): boolean {
  return name.length <= 63 && LABEL.test(name);
}

/** Whether the text can be the name of most other objects. */
export function isSubdomain(name: string): boolean {
  return name.length <= 253 && SUBDOMAIN.test(name);
}
