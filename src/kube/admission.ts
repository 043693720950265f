// The hook by which whoever understands the objects judges a write before it is stored: the dialects, through the control
// plane. It is what a validating webhook is on Kubernetes.

import type { KubeObject } from "./object.ts";

/** What is about to happen; server-side apply is CREATE or UPDATE by whether the object exists. */
export type AdmissionOperation = "CREATE" | "UPDATE" | "DELETE";

/** What is wrong with one field; `message` quotes the value, as in `Invalid value: "eighty": must be a whole number`. */
export interface AdmissionCause {
  readonly field: string;
  readonly message: string;
}

/** Warnings are shown to the writer whatever the verdict. */
export type AdmissionResult =
  | { readonly kind: "allowed"; readonly warnings: readonly string[] }
  | {
      readonly kind: "refused";
      /** Invalid (422) names fields, BadRequest (400) is about the object as a whole, Forbidden (403) about the act. */
      readonly reason: "Invalid" | "BadRequest" | "Forbidden";
      readonly message: string;
      readonly causes: readonly AdmissionCause[];
      readonly warnings: readonly string[];
    };

/**
 * Called for every write except of status, dry runs included, so it must have no effect. Objects have the storage version of
 * their kind. `old` is what is stored now: undefined for CREATE, the same as `object` for DELETE. A rejection becomes a 500.
 * `together`: what the writer says that it changes along with this object, as the query `together` has it.
 */
export type Admit = (
  operation: AdmissionOperation,
  object: KubeObject,
  old: KubeObject | undefined,
  together?: readonly string[],
) => Promise<AdmissionResult>;

/** Admits everything: for tests, and while no dialect is loaded. */
export const admitAll: Admit = async () => ({ kind: "allowed", warnings: [] });
