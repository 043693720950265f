// Kinds as people write them: `virtualservice`, `vs`, `VirtualService`, `virtualservices.networking.istio.io`.

import { EXIT, Failure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import { joinApiVersion } from "../kube/object.ts";
import { RESOURCES, type ResourceType } from "../kube/resources.ts";

function namesOf({ kind, plural, singular, shortNames, group }: ResourceType): readonly string[] {
  const names = [plural, singular, kind.toLowerCase(), ...shortNames];
  return group === "" ? names : [...names, ...names.map((name) => `${name}.${group}`)];
}

const ALL = RESOURCES.map(({ singular }) => singular);

/**
 * The kinds of one of Kubernetes' categories, as `istio-io`; undefined: there is none of the name. `all` is kubectl's (what runs), and what
 * configures it as well.
 */
export function categoryNamed(text: string): readonly ResourceType[] | undefined {
  const wanted = text.toLowerCase();
  const names = wanted === "all" ? ["all", "istio-io"] : [wanted];
  const members = RESOURCES.filter(({ categories }) => names.some((name) => categories.includes(name)));
  return members.length > 0 ? members : undefined;
}

/** Throws a Failure with the nearest kind, or the `known` ones, when there is none of that name. */
export function kindNamed(text: string, known: readonly string[] = ALL): ResourceType {
  const wanted = text.toLowerCase();
  const found = RESOURCES.find((type) => namesOf(type).includes(wanted));
  if (found) return found;
  const near = nearest(wanted, RESOURCES.flatMap(namesOf));
  throw new Failure(`unknown kind: ${JSON.stringify(text)}`, {
    hint: near ?? `one of ${known.join(", ")}`,
    exit: EXIT.usage,
  });
}

/** `virtualservice.networking.istio.io/golden-signal`, `service/golden-signal`: as kubectl writes what it did. */
export function shownName({ singular, group }: ResourceType, name: string): string {
  return `${group === "" ? singular : `${singular}.${group}`}/${name}`;
}

/** Path of a collection, or of one object, in the newest served version. */
export function pathOf(type: ResourceType, namespace: string, name = ""): string {
  const base = type.group === "" ? "/api/v1" : `/apis/${joinApiVersion(type.group, type.versions[0])}`;
  const scope = type.namespaced && namespace !== "" ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${base}${scope}/${type.plural}${name === "" ? "" : `/${encodeURIComponent(name)}`}`;
}
