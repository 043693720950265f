// What the conditions of an object say: pure, from what a compilation found and how far the proxies are.

import type { Conflict } from "../../analyze/claims.ts";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { valueAt } from "../../kube/json.ts";
import type { ObjectVerdict } from "../objects.ts";
import { messageOf } from "../overruled.ts";
import type { Condition } from "./condition.ts";
import type { Reach } from "./reach.ts";

export interface ObjectFacts {
  readonly verdict: ObjectVerdict;
  /** Between objects, about this one. */
  readonly findings: readonly Diagnostic[];
  readonly conflicts: readonly Conflict[];
  /** Undefined: no connected proxy has a resource of it. */
  readonly reach: Reach | undefined;
}

type Said = Pick<Condition, "status" | "reason" | "message">;

/** Findings and conflicts that a message names; kubectl shows it in one line. */
const MAX_NAMED = 5;
/** Kubernetes' limit of a condition's message is 32 KiB; a proxy's words can be long. */
const MAX_MESSAGE = 4_096;

export function conditionsOfObject(facts: ObjectFacts): readonly Condition[] {
  const programmed = programmedOf(facts);
  return conditions(facts.verdict.object.value, {
    Accepted: acceptedOf(facts),
    Programmed: programmed,
    Reconciled: { ...programmed, message: upToDate(facts) },
    Conflicted: conflictedOf(facts),
  });
}

/** Of an object that the source `winner` overrules. */
export function conditionsOfOverruled(value: unknown, winner: string): readonly Condition[] {
  const overruled: Said = { status: "False", reason: "Overruled", message: messageOf(winner) };
  return conditions(value, {
    Accepted: overruled,
    Programmed: overruled,
    Reconciled: overruled,
    Conflicted: { status: "True", reason: "Overruled", message: overruled.message },
  });
}

function conditions(value: unknown, said: Readonly<Record<Condition["type"], Said>>): readonly Condition[] {
  const generation = generationOf(value);
  return Object.entries(said).map(([type, { status, reason, message }]) => ({
    type: type as Condition["type"],
    status,
    reason,
    message: message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message,
    observedGeneration: generation,
  }));
}

export function generationOf(value: unknown): number | undefined {
  const generation = valueAt(value, "metadata.generation");
  return typeof generation === "number" ? generation : undefined;
}

function acceptedOf({ verdict, findings }: ObjectFacts): Said {
  if (!verdict.accepted) {
    const errors = verdict.diagnostics.filter(({ severity }) => severity === "error");
    const earlier = verdict.servesEarlier ? "; the version before is in force" : "";
    return { status: "False", reason: "Rejected", message: `${listed(errors)}${earlier}` };
  }
  const found = [...verdict.diagnostics, ...findings].filter(({ severity }) => severity !== "info");
  if (found.length === 0) return { status: "True", reason: "Accepted", message: "" };
  return { status: "True", reason: "AcceptedWithFindings", message: listed(found) };
}

function listed(found: readonly Diagnostic[]): string {
  const texts = found.slice(0, MAX_NAMED).map(({ code, path = "", message, suggestion }) => {
    const advice = suggestion ? ` (try: ${suggestion})` : "";
    return `${code}${path === "" ? "" : ` ${path}`}: ${message}${advice}`;
  });
  const rest = found.length - texts.length;
  return [...texts, ...(rest > 0 ? [`and ${rest} more`] : [])].join("; ");
}

function programmedOf({ verdict, reach }: ObjectFacts): Said {
  const { proxies = 0, acknowledged = 0, refused = [] } = reach ?? {};
  const count = `${acknowledged} of ${proxies} ${proxies === 1 ? "proxy" : "proxies"}`;
  if (!verdict.accepted) {
    const message = verdict.servesEarlier ? `the version before is on ${count}` : "it was not accepted";
    return { status: "False", reason: "Rejected", message };
  }
  if (proxies === 0) return { status: "True", reason: "NoProxies", message: "no connected proxy is configured by it" };
  if (refused.length > 0) {
    const words = refused.map(({ proxy, kind, resource, reason }) => `${proxy} refused ${kind} ${resource}: ${reason}`);
    return { status: "False", reason: "Refused", message: `${count}; ${words.join("; ")}` };
  }
  if (acknowledged < proxies) return { status: "False", reason: "Pending", message: count };
  return { status: "True", reason: "Programmed", message: count };
}

/** Istio's words. */
function upToDate({ reach }: ObjectFacts): string {
  return `${reach?.acknowledged ?? 0}/${reach?.proxies ?? 0} proxies up to date.`;
}

function conflictedOf({ conflicts }: ObjectFacts): Said {
  if (conflicts.length === 0) return { status: "False", reason: "NoConflicts", message: "" };
  const texts = conflicts.slice(0, MAX_NAMED).map(({ text, others, counts }) => {
    const whose = counts ? "this one is older and counts" : `${others[0]} is older and counts`;
    return `${text} is claimed by ${others.join(", ")} as well: ${whose}`;
  });
  const rest = conflicts.length - texts.length;
  const reason = conflicts.every(({ counts }) => counts) ? "Prevails" : "Shadowed";
  return { status: "True", reason, message: [...texts, ...(rest > 0 ? [`and ${rest} more`] : [])].join("; ") };
}
