// What a write brings: errors about the object that were not there before. They refuse it, but for those that `accepted.ts` has a reason for.

import type { SourceObject } from "../dialect/object.ts";
import type { MeshSettings } from "../model/settings.ts";
import { refuses } from "./accepted.ts";
import { analyze } from "./analyze.ts";
import type { MeshAnalyzer } from "./analyzer.ts";
import type { Finding } from "./code.ts";
import { contradicting } from "./contradicting.ts";
import { mutualTls } from "./destination-rule/mutual-tls.ts";
import { conflictingGateways } from "./gateway/conflicting.ts";
import { gatewayCredentials } from "./gateway/servers.ts";
import type { There } from "./held.ts";
import { kinds } from "./kinds.ts";
import { injection } from "./namespace/injection.ts";
import { rivalsOf } from "./rivals.ts";
import { authorization } from "./security/authorization.ts";
import { conflictingSelectors } from "./selector/conflicting.ts";
import { isOfKind } from "./view.ts";
import { conflictingHosts } from "./virtual-service/conflicting-hosts.ts";
import { destinations } from "./virtual-service/destinations.ts";

/** By whose findings, and by the model's, a write is judged beside the objects that are there. */
export const JUDGES: readonly MeshAnalyzer[] = [
  conflictingHosts,
  conflictingGateways,
  conflictingSelectors,
  destinations,
  mutualTls,
  authorization,
  gatewayCredentials,
  injection,
];

/**
 * Errors about `written` that refuse it, beside what is there: `together` has the keys of objects that the same set of writes changes as well, so
 * that what they say now counts for nothing.
 */
export function broughtBy(
  written: SourceObject,
  there: There,
  together: ReadonlySet<string> = new Set(),
): readonly Finding[] {
  const around = [...rivalsOf(written, there), ...contradicting(written, there)];
  const neighbours = [...new Set(around)].filter(({ key }) => key !== written.key && !together.has(key));
  if (neighbours.length === 0) return [];
  const before = heldAs(written, there);
  const brought = newErrors([written, ...neighbours], before ? [before, ...neighbours] : [], there.settings);
  return brought.filter(({ object }) => object !== undefined && originKeyOf(object) === originKeyOf(written.origin));
}

/** Errors that are in `after`, were not in `before`, and refuse what brings them. */
export function newErrors(
  after: readonly SourceObject[],
  before: readonly SourceObject[],
  settings: MeshSettings,
): readonly Finding[] {
  const found = errors(after, settings);
  if (found.length === 0) return [];
  const known = new Set(errors(before, settings).map(identity));
  return found.filter((each) => !known.has(identity(each)));
}

function errors(objects: readonly SourceObject[], settings: MeshSettings): readonly Finding[] {
  return objects.length === 0 ? [] : analyze(objects, settings, JUDGES).filter(refuses);
}

function identity({ code, object, message }: Finding): string {
  return JSON.stringify([code, object, message]);
}

function originKeyOf({ kind, namespace, name }: NonNullable<Finding["object"]>): string {
  return `${kind} ${namespace}/${name}`;
}

/** What is there under the name of what is written. */
function heldAs(written: SourceObject, { held }: There): SourceObject | undefined {
  const kind = Object.values(kinds).find((candidate) => isOfKind(written, candidate));
  for (const object of kind ? held(kind) : []) if (object.key === written.key) return object;
  return undefined;
}
