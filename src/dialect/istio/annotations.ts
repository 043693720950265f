// The annotations that istiod looks at before it looks at an object of its kinds (validateMetadata).

import * as refusals from "./admission-refusals.ts";
import type { Reading } from "./reading.ts";

/** Puts a policy on trial. */
export const DRY_RUN = "istio.io/dry-run";

/** What istiod tells itself by, of objects that it made of the Gateway API's; the last is there for tests of its webhook. */
const INTERNAL = [
  "internal.istio.io/parents",
  "internal.istio.io/parent-namespace",
  "internal.istio.io/webhook-always-reject",
];

/** AuthorizationPolicy alone has a dry run: on any other kind it would promise a trial, and the object be in force (checkDryRunAnnotation). */
export function checkAnnotations({ object, origin, reporter }: Reading): void {
  const { annotations } = object;
  const at = (name: string) => `metadata.annotations.${name}`;
  if (origin.kind !== "AuthorizationPolicy" && annotations[DRY_RUN] !== undefined)
    reporter.report(at(DRY_RUN), refusals.dryRunElsewhere(origin.kind));
  for (const name of INTERNAL)
    if (annotations[name] !== undefined) reporter.report(at(name), refusals.internalAnnotation(name));
}
